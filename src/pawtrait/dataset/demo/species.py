"""The seven species: the shape of head, ears, muzzle and eyes, and the coats they come in."""

from dataclasses import dataclass

from pawtrait.dataset.demo.canvas import Colour

Half = tuple[tuple[float, float], ...]  # the right half of an outline, top to bottom, face units


@dataclass(frozen=True, slots=True)
class Ear:
    """The right ear; the left one mirrors it. Angles in degrees from upright, clockwise."""

    root: tuple[float, float]
    angle: float
    length: float
    width: float
    shape: str  # point | leaf | round | flop | long | crest
    swing: float  # degrees it sinks when it hangs fully (and rises when pricked, a third of that)
    front: bool = False  # painted over the head


@dataclass(frozen=True, slots=True)
class Coat:
    """Colours of one breed."""

    fur: Colour
    light: Colour  # muzzle, chest
    dark: Colour  # markings, ears
    skin: Colour = (232, 150, 150)  # inner ear
    nose: Colour = (60, 45, 48)


@dataclass(frozen=True, slots=True)
class Species:
    """One species; lengths in face units."""

    head: Half
    ears: tuple[Ear, ...]
    eye: tuple[float, float, float]  # x, y, radius
    pupil: str  # round | slit
    irises: tuple[Colour, ...]
    muzzle: tuple[float, float, float]  # y, rx, ry
    lift: float  # how far the muzzle stands out
    nose: tuple[float, float, str]  # y, size, kind: button | leather | nostrils | beak
    mouth: tuple[float, float]  # y, half its width
    marks: tuple[str, ...]
    coats: tuple[Coat, ...]
    texture: str  # fur | wool | down
    whiskers: bool = False


_BROWN, _AMBER, _GREEN, _BLUE, _HAZEL = (
    (110, 66, 34),
    (222, 160, 44),
    (120, 176, 74),
    (92, 158, 214),
    (150, 110, 52),
)
_PINK = (226, 132, 140)

SPECIES: dict[str, Species] = {
    "dog": Species(
        head=((0, -0.9), (0.5, -0.85), (0.82, -0.45), (0.86, 0.1), (0.7, 0.6), (0.38, 0.9), (0, 0.97)),
        ears=(
            Ear((0.62, -0.66), 128, 0.95, 0.36, "flop", 42, front=True),
            Ear((0.52, -0.62), 26, 0.72, 0.34, "point", 75),
        ),
        eye=(0.38, -0.14, 0.22),
        pupil="round",
        irises=(_BROWN, _BROWN, _HAZEL, _BLUE),
        muzzle=(0.45, 0.46, 0.37),
        lift=0.28,
        nose=(0.24, 0.19, "leather"),
        mouth=(0.5, 0.36),
        marks=("patch", "blaze", "cheeks", "spots"),
        coats=(
            Coat((214, 152, 84), (250, 232, 204), (150, 92, 48)),
            Coat((246, 240, 228), (255, 252, 246), (120, 82, 60)),
            Coat((96, 72, 60), (216, 168, 116), (58, 44, 40)),
            Coat((150, 152, 164), (242, 244, 248), (84, 88, 104)),
            Coat((238, 204, 142), (255, 240, 210), (206, 154, 88)),
        ),
        texture="fur",
    ),
    "cat": Species(
        head=((0, -0.8), (0.5, -0.78), (0.92, -0.36), (1.04, 0.14), (0.78, 0.6), (0.34, 0.84), (0, 0.88)),
        ears=(Ear((0.56, -0.5), 24, 0.78, 0.4, "point", 78),),
        eye=(0.44, -0.1, 0.25),
        pupil="slit",
        irises=(_AMBER, _GREEN, _BLUE, _GREEN),
        muzzle=(0.4, 0.38, 0.24),
        lift=0.1,
        nose=(0.26, 0.11, "button"),
        mouth=(0.42, 0.34),
        marks=("tabby", "blaze", "patch", "tabby"),
        coats=(
            Coat((240, 164, 82), (255, 236, 208), (202, 112, 44), nose=_PINK),
            Coat((146, 146, 154), (236, 236, 240), (88, 88, 98), nose=(200, 120, 126)),
            Coat((64, 60, 70), (238, 236, 238), (38, 36, 44), nose=(190, 116, 124)),
            Coat((250, 244, 236), (255, 252, 248), (226, 158, 96), nose=_PINK),
            Coat((176, 140, 108), (244, 226, 200), (108, 78, 56), nose=(206, 128, 118)),
        ),
        texture="fur",
        whiskers=True,
    ),
    "hamster": Species(
        head=((0, -0.8), (0.5, -0.75), (0.88, -0.36), (1.1, 0.22), (1.0, 0.62), (0.5, 0.88), (0, 0.9)),
        ears=(Ear((0.66, -0.52), 38, 0.5, 0.27, "round", 60),),
        eye=(0.46, -0.1, 0.21),
        pupil="round",
        irises=((52, 34, 30), (70, 40, 32), (120, 40, 50)),
        muzzle=(0.4, 0.4, 0.28),
        lift=0.12,
        nose=(0.24, 0.09, "button"),
        mouth=(0.4, 0.3),
        marks=("cheeks", "blaze", "cheeks", "stripe"),
        coats=(
            Coat((232, 172, 104), (255, 242, 222), (176, 112, 60), nose=_PINK),
            Coat((250, 236, 214), (255, 252, 244), (228, 190, 140), nose=_PINK),
            Coat((170, 156, 150), (244, 240, 236), (110, 98, 98), nose=_PINK),
            Coat((198, 130, 84), (252, 234, 210), (132, 80, 50), nose=_PINK),
        ),
        texture="fur",
        whiskers=True,
    ),
    "bird": Species(
        head=((0, -0.9), (0.5, -0.8), (0.84, -0.42), (0.94, 0.08), (0.8, 0.54), (0.44, 0.84), (0, 0.92)),
        ears=(Ear((0.1, -0.78), 14, 0.62, 0.14, "crest", 70),),
        eye=(0.45, -0.1, 0.23),
        pupil="round",
        irises=((60, 38, 34), _BROWN, _AMBER, (170, 60, 40)),
        muzzle=(0.36, 0.34, 0.22),
        lift=0.3,
        nose=(0.2, 0.3, "beak"),
        mouth=(0.36, 0.36),
        marks=("cheeks", "mask", "cheeks"),
        coats=(
            Coat((250, 218, 84), (255, 244, 190), (240, 140, 60), nose=(240, 146, 52)),
            Coat((104, 186, 226), (238, 248, 255), (52, 112, 190), nose=(246, 190, 76)),
            Coat((124, 200, 110), (244, 240, 140), (58, 140, 84), nose=(226, 92, 70)),
            Coat((226, 94, 80), (255, 220, 200), (150, 46, 60), nose=(250, 186, 80)),
            Coat((208, 208, 218), (255, 252, 236), (240, 150, 110), nose=(244, 158, 120)),
        ),
        texture="down",
    ),
    "horse": Species(
        head=(
            (0, -1.0),
            (0.44, -0.95),
            (0.7, -0.5),
            (0.66, 0.0),
            (0.56, 0.42),
            (0.6, 0.84),
            (0.4, 1.14),
            (0, 1.2),
        ),
        ears=(Ear((0.4, -0.84), 16, 0.56, 0.2, "leaf", 88),),
        eye=(0.41, -0.28, 0.21),
        pupil="round",
        irises=(_BROWN, (90, 54, 36), _HAZEL),
        muzzle=(0.8, 0.55, 0.38),
        lift=0.26,
        nose=(0.6, 0.24, "nostrils"),
        mouth=(0.88, 0.38),
        marks=("star", "blaze", "blaze"),
        coats=(
            Coat((178, 104, 60), (226, 184, 156), (84, 50, 38)),
            Coat((114, 72, 50), (190, 156, 140), (44, 34, 34)),
            Coat((228, 222, 216), (240, 206, 196), (150, 146, 152)),
            Coat((230, 190, 122), (248, 226, 196), (250, 240, 214)),
            Coat((92, 88, 96), (164, 154, 158), (48, 46, 54)),
        ),
        texture="fur",
    ),
    "rabbit": Species(
        head=((0, -0.84), (0.45, -0.78), (0.8, -0.36), (0.9, 0.16), (0.76, 0.6), (0.36, 0.84), (0, 0.88)),
        ears=(Ear((0.32, -0.66), 12, 1.12, 0.24, "long", 112),),
        eye=(0.45, -0.08, 0.24),
        pupil="round",
        irises=((84, 50, 40), _BROWN, (150, 80, 90), _BLUE),
        muzzle=(0.4, 0.36, 0.25),
        lift=0.14,
        nose=(0.24, 0.11, "button"),
        mouth=(0.42, 0.3),
        marks=("blaze", "patch", "cheeks"),
        coats=(
            Coat((250, 246, 244), (255, 252, 250), (214, 202, 200), nose=_PINK),
            Coat((188, 152, 120), (248, 234, 218), (128, 96, 74), nose=_PINK),
            Coat((142, 142, 152), (240, 240, 244), (92, 92, 104), nose=_PINK),
            Coat((236, 196, 150), (255, 242, 224), (186, 134, 90), nose=_PINK),
            Coat((92, 76, 74), (236, 226, 220), (56, 46, 48), nose=(200, 120, 128)),
        ),
        texture="fur",
        whiskers=True,
    ),
    "sheep": Species(
        head=((0, -0.72), (0.45, -0.66), (0.7, -0.25), (0.66, 0.25), (0.52, 0.68), (0.28, 0.92), (0, 0.97)),
        ears=(Ear((0.6, -0.3), 86, 0.66, 0.22, "leaf", 62),),
        eye=(0.36, -0.08, 0.21),
        pupil="round",
        irises=(_AMBER, _BROWN, _HAZEL),
        muzzle=(0.52, 0.38, 0.3),
        lift=0.2,
        nose=(0.4, 0.12, "button"),
        mouth=(0.58, 0.32),
        marks=("plain",),
        coats=(
            Coat((242, 222, 204), (250, 238, 226), (250, 246, 238), nose=(206, 134, 134)),
            Coat((76, 68, 72), (122, 110, 112), (244, 240, 232), nose=(40, 36, 40)),
            Coat((200, 168, 140), (236, 212, 190), (232, 214, 190), nose=(150, 92, 88)),
            Coat((240, 226, 214), (252, 240, 230), (140, 116, 104), nose=(196, 122, 124)),
        ),
        texture="wool",
    ),
}
