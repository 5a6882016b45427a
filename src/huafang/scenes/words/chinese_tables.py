"""The words of Chinese captions. The first of a row is the likeliest."""

from huafang.scenes.facts import ColourName, Medium, Place, Side, Subject, Time, Weather

NOUNS: dict[Subject, tuple[str, ...]] = {
    "house": ("房子", "房屋", "屋子"),
    "castle": ("城堡", "中世纪城堡", "古堡", "古老的城堡"),
    "tree": ("树", "树", "老树"),
    "boat": ("帆船", "船"),
    "lighthouse": ("灯塔", "古老的灯塔"),
    "windmill": ("风车", "老风车"),
    "cactus": ("仙人掌",),
    "bridge": ("桥", "桥梁", "古桥"),
    "tower": ("塔楼", "石塔", "古老的塔楼"),
    "pagoda": ("宝塔", "古塔", "佛塔", "中国宝塔"),
    "balloon": ("热气球", "气球"),
    "person": ("人", "旅人", "行人"),
    "cat": ("猫", "猫咪"),
    "bird": ("鸟", "飞鸟", "鸟儿"),
    "flower": ("花", "花朵", "鲜花"),
    "woman": ("年轻女子", "女子", "女人", "女孩", "姑娘", "年轻女性"),
    "man": ("男子", "男人", "年轻男子", "先生"),
}
MEASURES: dict[Subject, tuple[str, ...]] = {
    "house": ("座", "栋", "间", "幢"),
    "castle": ("座",),
    "tree": ("棵",),
    "boat": ("艘", "条", "只"),
    "lighthouse": ("座",),
    "windmill": ("座", "架"),
    "cactus": ("棵", "株"),
    "bridge": ("座",),
    "tower": ("座",),
    "pagoda": ("座",),
    "balloon": ("个", "只"),
    "person": ("个",),
    "cat": ("只",),
    "bird": ("只",),
    "flower": ("朵",),
    "woman": ("位", "个", "名"),
    "man": ("位", "个", "名"),
}
SHORT: dict[Subject, tuple[str, str]] = {
    "house": ("小屋", "大房子"),
    "tree": ("小树", "大树"),
    "boat": ("小船", "大船"),
    "bridge": ("小桥", "大桥"),
    "cat": ("小猫", "大猫"),
    "bird": ("小鸟", "大鸟"),
    "flower": ("小花", "大花"),
    "castle": ("小城堡", "大城堡"),
}
"""(small, large) in one word."""
BIG, TALL, SMALL = ("大", "巨大的", "大大的"), ("高大的", "巨大的", "高高的", "大"), ("小", "小小的")
TALLS = ("castle", "tree", "lighthouse", "windmill", "cactus", "tower", "pagoda")
COLOURS: dict[ColourName, tuple[str, ...]] = {
    "red": ("红",),
    "orange": ("橙", "橘"),
    "yellow": ("黄",),
    "green": ("绿",),
    "blue": ("蓝",),
    "purple": ("紫",),
    "pink": ("粉", "粉红"),
    "white": ("白",),
    "black": ("黑",),
    "brown": ("棕", "褐"),
    "grey": ("灰",),
}

HEADS: dict[Place, tuple[str, ...]] = {
    "field": ("田野", "草地", "草原", "原野"),
    "sunflowers": ("向日葵田", "向日葵花田", "向日葵花海"),
    "garden": ("花园", "庭院"),
    "hill": ("山丘", "小山坡", "山坡"),
    "mountains": ("群山", "山谷", "高山", "山脉"),
    "sea": ("大海", "海洋", "海边"),
    "lake": ("湖泊", "平静的湖泊", "湖边"),
    "forest": ("森林", "树林"),
    "desert": ("沙漠", "沙丘", "大漠"),
    "snow": ("雪地", "雪原", "雪野", "冰天雪地"),
    "city": ("城市", "东京城市", "东京", "都市", "城市街道"),
    "sky": ("天空", "空中", "云端"),
    "room": ("房间", "室内"),
}
STANDS: dict[Place, tuple[str, ...]] = {
    "field": ("田野上", "田野里", "草地上", "草原上", "原野上", "田野中"),
    "sunflowers": ("向日葵田里", "向日葵田中", "向日葵花田里", "向日葵花海中", "向日葵丛中"),
    "garden": ("花园里", "花园中", "庭院里", "庭院中"),
    "hill": ("山上", "山丘上", "山坡上", "山顶上", "小山上"),
    "mountains": ("群山中", "群山之间", "山谷里", "高山间", "山间"),
    "sea": ("海边", "大海边", "海岸上", "海滩上", "海岸边"),
    "lake": ("湖边", "湖畔", "湖岸上", "湖泊旁"),
    "forest": ("森林里", "森林中", "树林里", "树林中", "林间"),
    "desert": ("沙漠里", "沙漠中", "沙丘上", "大漠中"),
    "snow": ("雪地里", "雪地上", "雪原上", "雪野中", "冰天雪地里"),
    "city": ("城市里", "城市中", "东京", "东京城市里", "都市里", "东京街头", "城市街头"),
    "sky": ("空中", "天空中", "云端", "云上", "天上", "云朵上", "半空中"),
    "room": ("房间里", "室内", "屋里"),
}
SWIMS: dict[Place, tuple[str, ...]] = {
    "sea": ("海上", "大海上", "海面上", "大海中"),
    "lake": ("湖上", "湖面上", "湖中", "湖泊上"),
    "sky": ("空中", "天空中", "云端", "天上"),
}
SPANS: dict[Place, tuple[str, ...]] = {"sea": ("海上", "海边", "大海上"), "lake": ("湖上", "湖面上", "湖边")}
FLIES: dict[Place, tuple[str, ...]] = {"sky": ("空中", "天空中", "半空中", "天上", "云端")}
SIDES: dict[Side, tuple[str, ...]] = {
    "left": ("左边", "左侧", "左面"),
    "middle": ("中间", "中央", "正中"),
    "right": ("右边", "右侧", "右面"),
}
TIMES: dict[Time, tuple[str, ...]] = {
    "day": ("白天", "日光下", "大白天"),
    "dawn": ("黎明", "清晨", "日出时", "晨光中", "黎明时分", "早晨", "破晓时分"),
    "sunset": ("夕阳下", "日落时", "黄昏", "傍晚", "晚霞中", "黄昏时分", "落日下", "日落时分"),
    "night": ("夜晚", "夜里", "夜色中", "晚上", "深夜"),
}
HOURS: dict[Time, tuple[str, ...]] = {
    "day": ("白天",),
    "dawn": ("清晨", "黎明", "日出"),
    "sunset": ("黄昏", "傍晚", "日落", "夕阳", "晚霞"),
    "night": ("夜晚", "夜景", "夜色", "夜"),
}
WEATHERS: dict[Weather, tuple[str, ...]] = {
    "clear": ("晴朗的天空下",),
    "cloudy": ("阴云下", "多云的天空下", "阴天里"),
    "rain": ("雨中", "细雨中", "下雨时", "大雨中"),
    "snow": ("飞雪中", "下雪时", "雪花中", "飘雪中"),
    "fog": ("雾中", "薄雾中", "大雾中", "雾气中"),
}
TAILS: dict[Weather, tuple[str, ...]] = {
    "clear": ("天气晴朗", "晴朗的天空"),
    "cloudy": ("多云", "阴天", "天空多云", "乌云"),
    "rain": ("下着雨", "下雨", "雨天", "雨"),
    "snow": ("下着雪", "下雪", "雪花飘落", "飘着雪"),
    "fog": ("有雾", "雾气弥漫", "薄雾", "大雾"),
}
DAYS: dict[Weather, dict[Time, str]] = {
    "clear": {},
    "cloudy": {"day": "阴天"},
    "rain": {"day": "雨天", "night": "雨夜", "dawn": "下雨的清晨", "sunset": "下雨的傍晚"},
    "snow": {"day": "下雪天", "night": "雪夜", "dawn": "下雪的清晨", "sunset": "下雪的傍晚"},
    "fog": {"day": "雾天", "night": "有雾的夜晚", "dawn": "有雾的清晨", "sunset": "有雾的傍晚"},
}
"""Hour and weather in one word."""
SEEN = ("有太阳", "有月亮", "有星星")
MEDIA: dict[Medium, tuple[str, ...]] = {
    "plain": ("插画", "扁平插画", "插图", "图画", "画"),
    "watercolour": ("水彩画", "水彩", "水彩插画"),
    "oil": ("油画", "油画作品"),
    "ink": ("水墨画", "水墨", "中国水墨画"),
    "line": ("线描", "线描画", "线稿", "素描"),
    "pixel": ("像素画", "像素艺术", "像素图"),
}
STYLES: dict[Medium, tuple[str, ...]] = {
    "plain": ("插画风格", "扁平风格"),
    "watercolour": ("水彩风格", "水彩画风格"),
    "oil": ("油画风格",),
    "ink": ("水墨风格", "水墨画风格"),
    "line": ("线描风格", "线稿风格"),
    "pixel": ("像素风格", "像素风"),
}
