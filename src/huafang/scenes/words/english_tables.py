"""The words of English captions. The first of a row is the likeliest."""

import re

from huafang.scenes.facts import ColourName, Medium, Place, Side, Subject, Time, Weather

NOUNS: dict[Subject, tuple[str, ...]] = {
    "house": ("house", "cottage", "home", "farmhouse"),
    "castle": ("castle", "medieval castle", "old castle", "fortress"),
    "tree": ("tree", "old tree"),
    "boat": ("boat", "sailing boat", "sailboat", "sailing ship"),
    "lighthouse": ("lighthouse", "old lighthouse"),
    "windmill": ("windmill", "old windmill", "mill"),
    "cactus": ("cactus",),
    "bridge": ("bridge", "old bridge"),
    "tower": ("tower", "old tower", "stone tower", "watchtower"),
    "pagoda": ("pagoda", "Chinese pagoda", "old pagoda", "temple pagoda"),
    "balloon": ("hot air balloon", "balloon"),
    "person": ("person", "figure", "traveller", "wanderer"),
    "cat": ("cat", "kitty"),
    "bird": ("bird",),
    "flower": ("flower", "blossom"),
    "woman": ("young woman", "woman", "girl", "lady"),
    "man": ("man", "young man", "gentleman"),
}
PLURALS = {"cactus": "cacti", "person": "people", "kitty": "kitties"}
BIG, TALL, SMALL = ("big", "large", "huge"), ("tall", "big", "large", "huge", "great"), ("small", "little", "tiny")
TALLS = ("castle", "tree", "lighthouse", "windmill", "cactus", "tower", "pagoda")
COLOURS: dict[ColourName, tuple[str, ...]] = {"purple": ("purple", "violet"), "grey": ("grey", "gray"), "red": ("red", "red", "scarlet")}

HEADS: dict[Place, tuple[str, ...]] = {
    "field": ("a field", "a meadow", "a grassy field", "the fields", "the countryside", "a field of grass"),
    "sunflowers": ("a field of sunflowers", "a sunflower field", "sunflowers"),
    "garden": ("a garden", "the garden", "a blooming garden"),
    "hill": ("a hill", "a hillside", "a grassy hill"),
    "mountains": ("mountains", "a mountain landscape", "the mountains", "a mountain valley"),
    "sea": ("the sea", "the ocean", "a seascape", "a sea"),
    "lake": ("a lake", "a quiet lake", "a lake landscape"),
    "forest": ("a forest", "the woods", "a forest landscape", "the forest"),
    "desert": ("a desert landscape", "a desert", "the desert", "sand dunes"),
    "snow": ("a snowy field", "a snowy landscape", "a winter landscape", "a field of snow"),
    "city": ("a city", "Tokyo city", "Tokyo", "a city street", "the city"),
    "sky": ("the sky", "a sky", "the air"),
    "room": ("a room", "an indoor scene"),
}
STANDS: dict[Place, tuple[str, ...]] = {
    "field": ("in a field", "in a meadow", "in the fields", "on a meadow", "on the grass", "in the countryside", "in a grassy field"),
    "sunflowers": ("in a field of sunflowers", "in a sunflower field", "among sunflowers", "in the sunflowers"),
    "garden": ("in a garden", "in the garden", "in a blooming garden"),
    "hill": ("on a hill", "on top of a hill", "on the hill", "on a hilltop", "on a hillside"),
    "mountains": ("in the mountains", "among mountains", "in front of mountains", "in a mountain valley"),
    "sea": ("by the sea", "by the ocean", "on the coast", "on a beach", "at the seaside", "by the shore", "near the sea"),
    "lake": ("by a lake", "beside a lake", "at a lake", "by the lake", "on a lakeside"),
    "forest": ("in a forest", "in the forest", "in the woods", "deep in the forest"),
    "desert": ("in the desert", "in a desert", "in a desert landscape", "among the dunes", "among sand dunes"),
    "snow": ("in the snow", "in a snowy field", "in a snowy landscape", "on the snow", "in a winter landscape"),
    "city": ("in a city", "in the city", "in Tokyo", "in Tokyo city", "in town", "on a city street"),
    "sky": ("in the air", "in the sky", "on a cloud", "floating on a cloud", "floating in the air", "floating in the sky", "above the clouds"),
    "room": ("in a room", "indoors", "inside a room"),
}
SWIMS: dict[Place, tuple[str, ...]] = {
    "sea": ("on the sea", "at sea", "on the ocean", "on a sea", "sailing on the sea", "in the sea"),
    "lake": ("on a lake", "on the lake", "sailing on a lake"),
    "sky": ("in the sky", "in the air", "floating in the air", "flying in the sky", "sailing through the sky", "on a cloud"),
}
SPANS: dict[Place, tuple[str, ...]] = {"sea": ("over the sea", "by the sea", "across the sea"), "lake": ("over a lake", "across a lake", "on a lake")}
FLIES: dict[Place, tuple[str, ...]] = {
    "field": ("over a field", "above a meadow", "over the fields", "in a field", "flying over a field", "over the countryside"),
    "sunflowers": ("over a field of sunflowers", "above a sunflower field", "over sunflowers", "flying over sunflowers"),
    "garden": ("over a garden", "in a garden", "above the garden"),
    "hill": ("over a hill", "above a hill", "flying over a hill"),
    "mountains": ("over the mountains", "above the mountains", "in the mountains", "flying over mountains"),
    "sea": ("over the sea", "above the ocean", "by the sea", "flying over the sea"),
    "lake": ("over a lake", "above the lake", "by a lake", "flying over a lake"),
    "forest": ("over a forest", "above the forest", "in a forest", "flying over the woods"),
    "desert": ("over the desert", "above the dunes", "in the desert", "flying over a desert"),
    "snow": ("over a snowy field", "over the snow", "above a snowy landscape", "in the snow"),
    "city": ("over a city", "above the city", "in a city", "over Tokyo", "flying over the city"),
    "sky": ("in the sky", "in the air", "flying in the sky", "above the clouds", "floating in the air", "among the clouds"),
    "room": ("in a room",),
}
SIDES: dict[Side, tuple[str, ...]] = {
    "left": ("on the left", "to the left", "on the left side", "at the left"),
    "middle": ("in the middle", "in the centre", "in the center"),
    "right": ("on the right", "to the right", "on the right side", "at the right"),
}
TIMES: dict[Time, tuple[str, ...]] = {
    "day": ("by day", "in daylight", "during the day", "in the daytime"),
    "dawn": ("at dawn", "at sunrise", "in the early morning", "at daybreak", "in the morning light", "in the morning"),
    "sunset": ("at sunset", "at dusk", "in the evening", "in the evening glow", "in the sunset light", "in the glow of sunset"),
    "night": ("at night", "by night", "in the night", "in the dark"),
}
HOURS: dict[Time, tuple[str, ...]] = {"day": ("day",), "dawn": ("morning", "sunrise"), "sunset": ("evening", "sunset"), "night": ("night",)}
BARE_TIMES: dict[Time, tuple[str, ...]] = {
    "day": ("day", "daylight", "daytime"),
    "dawn": ("dawn", "sunrise", "early morning"),
    "sunset": ("sunset", "dusk", "evening", "evening glow"),
    "night": ("night", "at night"),
}
WEATHERS: dict[Weather, tuple[str, ...]] = {
    "clear": ("under a clear sky", "in clear weather", "with a clear sky"),
    "cloudy": ("under a cloudy sky", "with clouds", "in cloudy weather", "under an overcast sky"),
    "rain": ("in the rain", "with rain", "in rainy weather", "in rain"),
    "snow": ("in falling snow", "while it snows", "with snow falling", "with snowflakes", "with falling snow"),
    "fog": ("in the fog", "with fog", "in the mist", "in fog", "in foggy weather", "with mist"),
}
ADJECTIVES: dict[Weather, tuple[str, ...]] = {
    "clear": ("clear",),
    "cloudy": ("cloudy", "overcast"),
    "rain": ("rainy",),
    "snow": ("snowy",),
    "fog": ("foggy", "misty"),
}
BARE_WEATHERS: dict[Weather, tuple[str, ...]] = {
    "clear": ("clear sky",),
    "cloudy": ("clouds", "cloudy", "cloudy sky"),
    "rain": ("rain", "rainy"),
    "snow": ("falling snow", "snowing", "snowflakes"),
    "fog": ("fog", "mist", "foggy"),
}
MEDIA: dict[Medium, tuple[str, ...]] = {
    "plain": ("a picture", "an illustration", "a flat illustration", "an image", "a scene"),
    "watercolour": ("a watercolour painting", "a watercolour", "a watercolor", "a watercolor painting"),
    "oil": ("an oil painting", "an oil painting on canvas"),
    "ink": ("an ink wash painting", "an ink painting", "a Chinese ink painting"),
    "line": ("a line drawing", "a pen drawing", "a sketch", "an outline drawing"),
    "pixel": ("pixel art", "a pixel art picture", "a pixel art scene"),
}
STYLES: dict[Medium, tuple[str, ...]] = {
    "plain": ("illustration", "flat illustration", "flat colours"),
    "watercolour": ("watercolour", "watercolor painting", "watercolour painting", "in watercolour", "watercolour style"),
    "oil": ("oil painting", "in oils", "painted in oil", "oil painting style"),
    "ink": ("ink wash", "ink painting", "ink wash painting", "Chinese ink painting", "in ink"),
    "line": ("line drawing", "line art", "sketch"),
    "pixel": ("pixel art", "in pixel art style", "pixel art style"),
}
PORTRAITS_IN: dict[Medium, str] = {
    "plain": "a",
    "watercolour": "a watercolour",
    "oil": "an oil",
    "ink": "an ink",
    "line": "a line drawn",
    "pixel": "a pixel art",
}

FRONTS = re.compile(r"(in|on|at|by|with|under|over|above|among|between|near|across|flying|floating|sailing|beside|deep|during|while|to|indoors|inside|there)\b")
"""What begins a caption that "a watercolour of" cannot go before."""
