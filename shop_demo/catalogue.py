"""The demo's own catalogue: an invented shop for outdoors and home, the same on every machine.

``generate(size, seed)`` walks the 24 kinds of product below in turn, so any size covers every department, and draws
for each product a brand that makes this kind, a model name from that brand, a colour, a material and the kind's own
facts. Price is the kind's range placed by the brand's price level, its facts' grade and a little chance. Everything a
shopper could care about (department, kind, brand, style, price, colour) is written in the title, the attributes or
the description, so that taste can be learnt from content as well as from behaviour. One product in seven is a new
arrival of the last 45 days. All names are made up.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True)
class Brand:
    """A maker: ``style`` is its character, ``level`` multiplies prices, ``models`` are its product names."""

    name: str
    style: str
    level: float
    models: tuple[str, ...]
    voice: str


@dataclass(frozen=True)
class Kind:
    """One kind of product: leaf of the category tree, its price range and what is said about it."""

    department: str
    name: str
    nouns: tuple[str, ...]
    shape: str
    prices: tuple[int, int]
    materials: tuple[str, ...]
    facts: dict[str, tuple[str, ...]]  # attribute name → values from plain to fine
    lines: tuple[str, ...]  # what it does well; one or two are used
    coloured: bool = True  # coffee has a roast, not a colour


@dataclass(frozen=True)
class Product:
    """One product of the demo. ``added_days`` is its age in days, counted back from the day of loading."""

    upc: str
    title: str
    description: str
    department: str
    kind: str
    brand: str
    style: str
    colour: str
    material: str
    shape: str
    price: Decimal
    stock: int
    added_days: float
    facts: dict[str, str] = field(default_factory=dict)
    coloured: bool = True  # otherwise the colour is only that of the packet


COLOURS = {
    "Charcoal": "#3b4048",
    "Moss green": "#6b7f4e",
    "Sea blue": "#2f6f8f",
    "Brick red": "#b0503f",
    "Mustard": "#d3a13b",
    "Oat": "#d8c8a8",
    "Slate grey": "#7c8894",
    "Plum": "#7a4b6b",
    "Copper": "#b87548",
    "Ice white": "#dfe6ea",
    "Midnight": "#27334d",
    "Coral": "#e07a5f",
}
STYLE_COLOURS = {
    "rugged": ("Charcoal", "Moss green", "Mustard", "Brick red", "Slate grey"),
    "minimal": ("Charcoal", "Ice white", "Slate grey", "Oat", "Midnight"),
    "classic": ("Oat", "Brick red", "Copper", "Midnight", "Moss green"),
    "playful": ("Coral", "Mustard", "Sea blue", "Plum", "Ice white"),
}
STYLE_CLOSINGS = {
    "rugged": (
        "Built to be dropped, rained on and used again.",
        "Every part that can wear out can be replaced.",
        "Overbuilt on purpose, and happier for being knocked about.",
    ),
    "minimal": (
        "Nothing on it that does not need to be there.",
        "A quiet shape that goes with anything.",
        "Plain lines, few parts, no logo in sight.",
    ),
    "classic": (
        "Made the way it was made fifty years ago, with better materials.",
        "It will look better in ten years than it does today.",
        "A familiar shape, made properly.",
    ),
    "playful": (
        "Serious about working, not about much else.",
        "Bright enough to find at the bottom of any bag.",
        "Good company on a grey Monday.",
    ),
}

BRANDS = {
    "Outdoor": (
        Brand("Stonecroft", "rugged", 1.25, ("Crag", "Tarn", "Scree", "Beck", "Cairn"), "made for wet hills"),
        Brand("Nordlys", "minimal", 1.45, ("Fjell", "Vidde", "Skog", "Bre", "Elv"), "pared down in Bergen"),
        Brand("Alder & Wren", "classic", 1.1, ("Rambler", "Bridleway", "Hedgerow", "Drover", "Stile"), "for slow days on foot"),
        Brand("Gogo Camp", "playful", 0.75, ("Pop", "Bounce", "Doodle", "Zig", "Picnic"), "for first nights under canvas"),
        Brand("Basecamp Nine", "rugged", 0.9, ("Ridge", "Summit", "Traverse", "Col", "Moraine"), "tested by mountain guides"),
    ),
    "Running & cycling": (
        Brand("Veloce Lane", "minimal", 1.3, ("Tempo", "Cadence", "Aero", "Split", "Metric"), "drawn in a wind tunnel"),
        Brand("Trailhound", "rugged", 1.05, ("Muddy", "Switchback", "Bramble", "Root", "Gully"), "at home off the tarmac"),
        Brand("Pedal & Post", "classic", 1.0, ("Courier", "Parade", "Tourer", "Sunday", "Wheelwright"), "for people who ride to work"),
        Brand("Zoomi", "playful", 0.7, ("Zip", "Whirl", "Skip", "Dash", "Hop"), "for anyone who would rather be outside"),
        Brand("Northpace", "minimal", 0.95, ("Stride", "Even", "Long", "Easy", "Interval"), "by runners, for every pace"),
    ),
    "Kitchen": (
        Brand("Harrow & Pike", "classic", 1.35, ("Forge", "Smithy", "Hearth", "Anvil", "Larder"), "cast and ground in Sheffield"),
        Brand("Kumo", "minimal", 1.2, ("Sora", "Ishi", "Kaze", "Mizu", "Nami"), "with the calm of a Kyoto kitchen"),
        Brand("Tuck In", "playful", 0.7, ("Nibble", "Dollop", "Scoff", "Crumb", "Gobble"), "for kitchens that get messy"),
        Brand("Ironbark", "rugged", 1.05, ("Campfire", "Drover", "Outback", "Billy", "Stockman"), "tough enough for an open fire"),
        Brand("Maison Colette", "classic", 1.15, ("Bistro", "Provence", "Marché", "Terrine", "Bourgogne"), "from a family workshop in Lyon"),
    ),
    "Coffee & tea": (
        Brand("Lantern Street", "classic", 1.05, ("Dawn", "Lamplight", "Market", "Quayside", "Foundry"), "roasted in small drums every Tuesday"),
        Brand("Plain Cup", "minimal", 1.2, ("One", "Two", "Three", "Four", "Five"), "with nothing hidden"),
        Brand("Marmalade Owl", "playful", 0.85, ("Hoot", "Jubilee", "Tumble", "Biscuit", "Parade"), "blended by people who laugh at work"),
        Brand("High Terrace", "minimal", 1.4, ("Cloud", "Ridge", "Cedar", "Mist", "Spring"), "bought directly from growers"),
        Brand("Dockers", "rugged", 0.8, ("Night Shift", "Ballast", "Hawser", "Tugboat", "Slipway"), "strong, honest and cheap"),
    ),
    "Desk & sound": (
        Brand("Oblong", "minimal", 1.35, ("Plane", "Edge", "Field", "Line", "Block"), "cut from one piece wherever possible"),
        Brand("Brightside", "playful", 0.75, ("Jelly", "Pixel", "Bubble", "Disco", "Pogo"), "in colours that cheer up a desk"),
        Brand("Hallam Audio", "classic", 1.3, ("Verse", "Chorus", "Ballad", "Reel", "Sonata"), "tuned by ear in Leeds"),
        Brand("Fieldwork", "rugged", 1.05, ("Scout", "Ranger", "Depot", "Survey", "Transit"), "made for site huts and train tables"),
        Brand("Common Parts", "minimal", 0.85, ("Basic", "Grid", "Frame", "Stack", "Loop"), "sensible tools at sensible prices"),
    ),
    "Home & garden": (
        Brand("Willow Yard", "classic", 1.05, ("Cottage", "Orchard", "Meadow", "Lavender", "Sundial"), "from a walled garden in Kent"),
        Brand("Stilla", "minimal", 1.3, ("Lugn", "Ljus", "Rum", "Vik", "Sten"), "for rooms that breathe"),
        Brand("Potting Shed", "rugged", 0.9, ("Trowel", "Furrow", "Compost", "Barrow", "Dibber"), "for gardeners with mud on their knees"),
        Brand("Hullabaloo", "playful", 0.8, ("Confetti", "Carnival", "Bunting", "Fizz", "Giggle"), "for homes that are lived in"),
        Brand("Ember & Wool", "classic", 1.4, ("Hebrides", "Skye", "Arran", "Lewis", "Mull"), "woven and poured on the west coast"),
    ),
}  # fmt: skip

KINDS = (
    Kind("Outdoor", "Tents", ("tent",), "tent", (95, 420), ("ripstop nylon", "recycled polyester", "cotton canvas"),
         {"Sleeps": ("one", "two", "three", "four"), "Hydrostatic head": ("2000 mm", "3000 mm", "5000 mm")},
         ("Pitches in under five minutes, inner and outer together.", "Two doors mean that nobody climbs over anybody.",
          "The porch swallows boots, packs and a wet dog.")),
    Kind("Outdoor", "Backpacks", ("backpack", "rucksack", "day pack"), "backpack", (45, 210), ("waxed canvas", "recycled nylon", "Cordura"),
         {"Volume": ("18 l", "26 l", "38 l", "55 l"), "Back system": ("padded", "ventilated mesh")},
         ("Side pockets can be reached while walking.", "The hip belt carries the load, not the shoulders.",
          "A rain cover lives in its own pocket at the base.")),
    Kind("Outdoor", "Sleeping bags", ("sleeping bag",), "sleeping_bag", (60, 320), ("synthetic fill", "duck down", "recycled down"),
         {"Comfort": ("+8 °C", "+2 °C", "−4 °C", "−10 °C"), "Packed weight": ("1600 g", "1200 g", "850 g")},
         ("A draught collar keeps warm air where it belongs.", "The zip runs both ways for warm nights.", "Packs to the size of a loaf.")),
    Kind("Outdoor", "Head torches", ("head torch",), "torch", (18, 95), ("aluminium", "recycled plastic"),
         {"Brightness": ("150 lm", "300 lm", "600 lm"), "Battery": ("3 × AAA", "rechargeable USB-C")},
         ("A red mode spares everybody's night vision.", "One big button works with gloves on.", "The beam goes from map to path with a twist.")),
    Kind("Running & cycling", "Running shoes", ("running shoes", "trail shoes"), "shoe", (65, 175), ("knitted mesh", "recycled mesh", "ripstop upper"),
         {"Cushioning": ("firm", "balanced", "soft"), "Drop": ("4 mm", "8 mm", "10 mm")},
         ("A wide toe box lets feet spread on long days.", "The outsole grips wet stone and autumn leaves.", "Light enough to forget by the second mile.")),
    Kind("Running & cycling", "Bike lights", ("bike light", "bike light set"), "bike_light", (15, 90), ("aluminium", "silicone"),
         {"Output": ("100 lm", "400 lm", "800 lm"), "Run time": ("6 hours", "12 hours", "20 hours")},
         ("Side windows are seen at junctions.", "Straps on without tools and comes off as quickly.", "A daylight flash makes drivers look twice.")),
    Kind("Running & cycling", "Helmets", ("cycle helmet",), "helmet", (40, 190), ("moulded foam", "cork composite"),
         {"Vents": ("10 vents", "16 vents", "22 vents"), "Fit": ("dial", "dial and cradle")},
         ("A rotating liner takes the twist out of a knock.", "The buckle closes with one hand.", "Cool on climbs, quiet on the way down.")),
    Kind("Running & cycling", "Sports bottles", ("sports bottle", "insulated bottle"), "bottle", (9, 45), ("stainless steel", "BPA-free plastic"),
         {"Capacity": ("500 ml", "750 ml", "1 l"), "Keeps cold": ("4 hours", "12 hours", "24 hours")},
         ("The valve opens with teeth and closes with a tap.", "Wide enough for ice, narrow enough for a cage.", "Goes in the dishwasher, lid and all.")),
    Kind("Kitchen", "Frying pans", ("frying pan", "skillet"), "pan", (25, 160), ("carbon steel", "cast iron", "tri-ply steel"),
         {"Diameter": ("20 cm", "24 cm", "28 cm"), "Hob": ("gas and electric", "all hobs and induction")},
         ("Heats evenly to the rim, so edges brown too.", "Goes from hob to oven without complaint.", "Seasons a little more with every meal.")),
    Kind("Kitchen", "Knives", ("chef's knife", "paring knife", "bread knife"), "knife", (18, 180), ("stainless steel", "high-carbon steel", "layered steel"),
         {"Blade": ("10 cm", "16 cm", "20 cm"), "Handle": ("ash wood", "walnut", "resin")},
         ("Holds its edge through a winter of squash.", "Balanced just in front of the thumb.", "Arrives sharp enough to slice a ripe tomato.")),
    Kind("Kitchen", "Storage jars", ("storage jar", "jar set"), "jar", (8, 60), ("borosilicate glass", "stoneware", "enamel"),
         {"Volume": ("0.5 l", "1 l", "2 l"), "Lid": ("cork", "beech with seal", "clip top")},
         ("Keeps flour dry and biscuits crisp.", "Stacks without wobbling.", "A wide mouth takes a proper scoop.")),
    Kind("Kitchen", "Casseroles", ("casserole", "stock pot"), "pot", (45, 260), ("enamelled cast iron", "stoneware", "tri-ply steel"),
         {"Capacity": ("2.5 l", "4 l", "6 l"), "Oven": ("to 220 °C", "to 260 °C")},
         ("A heavy lid sends the steam back into the stew.", "Goes to the table looking as if it belongs there.", "Cooks slowly and forgives distraction.")),
    Kind("Coffee & tea", "Coffee beans", ("coffee beans",), "bag", (8, 24), ("single origin", "house blend"),
         {"Roast": ("light", "medium", "dark"), "Notes": ("cherry and cocoa", "hazelnut and toffee", "citrus and jasmine", "molasses and smoke")},
         ("Sweet as espresso, clear as filter.", "Rested a week so that it opens in the cup.", "Holds its own with milk."), coloured=False),
    Kind("Coffee & tea", "Loose tea", ("loose leaf tea", "tea blend"), "tin", (6, 32), ("black tea", "green tea", "oolong", "rooibos"),
         {"Notes": ("malt and honey", "grass and sea air", "orange and clove", "apricot and cream"), "Weight": ("75 g", "125 g", "250 g")},
         ("Good for three infusions.", "Strong enough for milk, soft enough without.", "Packed within a month of picking."), coloured=False),
    Kind("Coffee & tea", "Grinders", ("coffee grinder", "hand grinder"), "grinder", (35, 230), ("aluminium", "beech and steel"),
         {"Burrs": ("ceramic", "stainless steel", "hardened steel"), "Settings": ("12 steps", "30 steps", "stepless")},
         ("Grinds for a cup in under a minute.", "Comes apart for cleaning without tools.", "From espresso to cafetière in a few clicks.")),
    Kind("Coffee & tea", "Brewers", ("coffee dripper", "cafetière", "teapot"), "teapot", (15, 95), ("porcelain", "borosilicate glass", "stoneware"),
         {"Serves": ("one", "two", "four"), "Filter": ("paper", "steel mesh")},
         ("Pours without a drip.", "Keeps its heat while the second cup waits.", "The handle stays cool.")),
    Kind("Desk & sound", "Headphones", ("headphones", "earphones"), "headphones", (30, 290), ("aluminium", "recycled plastic", "walnut"),
         {"Battery": ("20 hours", "35 hours", "50 hours"), "Noise cancelling": ("no", "yes")},
         ("Voices sit in the middle of the room.", "Folds flat for the bag.", "Comfortable past the second film.")),
    Kind("Desk & sound", "Speakers", ("Bluetooth speaker", "bookshelf speaker"), "speaker", (35, 340), ("birch ply", "aluminium", "recycled plastic"),
         {"Power": ("10 W", "30 W", "60 W"), "Water resistance": ("none", "splash", "full")},
         ("Fills a kitchen without shouting.", "Two of them pair into stereo.", "Bass that is felt rather than heard.")),
    Kind("Desk & sound", "Keyboards", ("keyboard", "mechanical keyboard"), "keyboard", (30, 190), ("aluminium", "recycled plastic"),
         {"Switches": ("quiet", "tactile", "linear"), "Layout": ("full size", "compact")},
         ("Types with a soft, definite thud.", "Switches between three computers with one key.", "The legends will not wear off.")),
    Kind("Desk & sound", "Desk lamps", ("desk lamp", "task lamp"), "lamp", (28, 180), ("steel", "aluminium", "ash wood"),
         {"Light": ("warm", "warm to cool"), "Dimming": ("three steps", "stepless")},
         ("Stays where it is put.", "Lights the page and not the screen.", "The base holds pens, clips and a phone.")),
    Kind("Home & garden", "Throws", ("throw", "blanket"), "throw", (28, 190), ("lambswool", "recycled wool", "cotton"),
         {"Size": ("130 × 180 cm", "150 × 200 cm"), "Weave": ("herringbone", "waffle", "plain")},
         ("Heavy enough to end an evening.", "Washed soft before it leaves the mill.", "Looks right on a sofa or in a tent.")),
    Kind("Home & garden", "Candles", ("candle", "candle set"), "candle", (9, 55), ("soy wax", "beeswax", "rapeseed wax"),
         {"Scent": ("woodsmoke", "fig and cedar", "sea salt", "unscented"), "Burns": ("20 hours", "40 hours", "60 hours")},
         ("Burns evenly to the last hour.", "The glass becomes a tumbler afterwards.", "Scents a room without announcing itself.")),
    Kind("Home & garden", "Planters", ("planter", "plant pot"), "planter", (10, 85), ("terracotta", "glazed stoneware", "galvanised steel"),
         {"Diameter": ("12 cm", "18 cm", "28 cm"), "Drainage": ("hole and saucer", "reservoir")},
         ("Frost proof, so it can stay out.", "A reservoir waters while you are away.", "Big enough for a lemon tree to dream.")),
    Kind("Home & garden", "Garden tools", ("hand trowel", "secateurs", "garden fork"), "trowel", (9, 70), ("forged steel", "stainless steel", "ash and steel"),
         {"Length": ("short", "medium", "long"), "Guarantee": ("5 years", "25 years")},
         ("Cuts clean and stays sharp through the season.", "The handle fits the palm like a good stick.", "Slides through clay without clogging.")),
)  # fmt: skip

DEPARTMENTS = tuple(dict.fromkeys(kind.department for kind in KINDS))
STYLES = tuple(STYLE_COLOURS)


def generate(size: int = 400, seed: int = 7) -> list[Product]:
    """``size`` products, the same for the same seed; UPCs are ``FH00001`` onwards and titles are unique."""
    rng = random.Random(seed)
    return list(_products(size, rng))


def _products(size: int, rng: random.Random) -> Iterator[Product]:
    taken: set[str] = set()
    for number in range(size):
        kind = KINDS[number % len(KINDS)]
        brand = rng.choice(BRANDS[kind.department])
        colour = rng.choice(STYLE_COLOURS[brand.style]) if rng.random() < 0.8 else rng.choice(tuple(COLOURS))
        material = rng.choice(kind.materials)
        grades = {name: rng.randrange(len(values)) for name, values in kind.facts.items()}
        facts = {name: kind.facts[name][grade] for name, grade in grades.items()}
        noun = rng.choice(kind.nouns)
        trait = colour.lower() if kind.coloured else next(iter(facts.values()))
        title = _title(brand, noun, trait, rng, taken)
        yield Product(
            upc=f"FH{number + 1:05d}",
            title=title,
            description=_description(brand, kind, noun, trait, material, facts, rng),
            department=kind.department,
            kind=kind.name,
            brand=brand.name,
            style=brand.style,
            colour=colour,
            material=material,
            shape=kind.shape,
            price=_price(brand, kind, grades, rng),
            stock=0 if rng.random() < 0.03 else rng.randint(3, 120),
            added_days=round(rng.uniform(0.1, 45) if rng.random() < 1 / 7 else rng.uniform(95, 700), 2),
            facts=facts,
            coloured=kind.coloured,
        )


def _title(brand: Brand, noun: str, trait: str, rng: random.Random, taken: set[str]) -> str:
    """Brand, model, noun and colour; the model gets a mark (II, III …) where the name is taken."""
    model = rng.choice(brand.models)
    for mark in ("", " II", " III", " IV", *(f" {number}" for number in range(5, 10_000))):
        title = f"{brand.name} {model}{mark} {noun}, {trait}"
        if title not in taken:
            taken.add(title)
            return title
    raise ValueError(f"no free title left for {brand.name} {model} {noun}")


def _price(brand: Brand, kind: Kind, grades: dict[str, int], rng: random.Random) -> Decimal:
    """The kind's range, placed by how fine the facts are, times the brand's level; ends in .00, .50 or .95."""
    low, high = kind.prices
    steps = sum(len(values) - 1 for values in kind.facts.values())
    place = (sum(grades.values()) / steps + rng.random()) / 2
    pounds = max(3, round((low + (high - low) * place**1.3) * brand.level))
    return Decimal(pounds) + rng.choice((Decimal("0.00"), Decimal("-0.05"), Decimal("0.50")))


def _description(
    brand: Brand, kind: Kind, noun: str, trait: str, material: str, facts: dict[str, str], rng: random.Random
) -> str:
    plural = noun.endswith("s")
    these = "these" if plural else "this"
    opening = rng.choice(
        (
            f"{_article(brand.style, plural)} {noun} in {material}, {brand.voice}.",
            f"From {brand.name}, {brand.voice}: {_article(material, plural, capital=False)} {noun} in {trait}.",
            f"{brand.name} makes {these} {noun} from {material}, {brand.voice}.",
        )
        if kind.coloured
        else (
            f"{_article(brand.style, plural)} {noun} from {brand.name}, {brand.voice}: {material}, {trait}.",
            f"{material.capitalize()}, {trait}: {brand.name} makes {these} {noun}, {brand.voice}.",
        )
    )
    details = "; ".join(f"{name.lower()}: {value}" for name, value in facts.items())
    lines = rng.sample(kind.lines, k=rng.choice((1, 2)))
    closing = rng.choice(STYLE_CLOSINGS[brand.style])
    return " ".join([opening, *lines, f"{details[0].upper()}{details[1:]}.", *([closing] if kind.coloured else [])])


def _article(word: str, plural: bool, capital: bool = True) -> str:
    """The word with "a" or "an" before it, or alone before a plural."""
    text = word if plural else f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
    return text[0].upper() + text[1:] if capital else text
