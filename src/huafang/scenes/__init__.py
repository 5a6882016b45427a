"""Small illustrated scenes with captions in English and Chinese: what the built-in model learns from. No torch here.

`scene.draw(seed, number, size)` is scene `number` of an endless set; `canvas` fills shapes, `sky` and `places` make the world, `subjects` stand in it,
`words` says in both languages what is there, `media` renders it as a watercolour or in ink.
"""
