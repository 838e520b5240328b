"""What BelgiumTS calls a sign, and what Belgium's catalogue calls it."""

from __future__ import annotations

from signpipe.catalogue import load_catalogue

# BelgiumTS writes Belgian codes in capitals and small letters, and words for what has no code. B15A stands for every
# B15, X3 and "rode pijl" for the red arrows in bends, X21 for the disc with one bar, e0c, begin and einde for the
# narrow plates under parking signs, X29 for parking of taxis, X30 for an exit of
# lorries, typeII for the length of a stretch.
BTSD_NAMES: dict[str, str] = {
    "A14": "road_hump",
    "A1A": "bend_left",
    "A1B": "bend_right",
    "A1D": "double_bend_right",
    "A23": "children",
    "A29": "cattle",
    "A31": "road_works",
    "A51": "general_danger",
    "A7A": "road_narrows",
    "A7C": "road_narrows_right",
    "B1": "give_way",
    "B15A": "priority_next_intersection",
    "B17": "crossroads_priority_right",
    "B21": "priority_oncoming",
    "B3": "give_way",  # with the plate that says how far it is
    "C27": "width_limit",
    "C3": "no_vehicles",
    "C33": "no_u_turn",
    "D1b": "turn_right_here",
    "D5": "roundabout",
    "D7": "cycle_path",
    "E1": "no_parking",
    "E3": "no_stopping",
    "E7": "alternate_parking_even",
    "E9a": "parking",
    "E9a_miva": "parking_disabled",
    "E9b": "parking_cars",
    "E9d": "parking_coaches",
    "F19": "one_way",
    "F45": "dead_end",
    "F47": "end_works",
    "F49": "pedestrian_crossing",
    "F50": "cycle_crossing",
    "F87": "road_hump_board",
    "Handic": "plate_disabled",
    "X21": "end_all_restrictions",
    "X29": "parking_taxi",
    "X30": "plate_driveway",
    "X3L": "curve_board",
    "X3R": "curve_board",
    "begin": "plate_parking_begin",
    "e0c": "plate_parking_begin",
    "einde": "plate_parking_end",
    "einde zone": "end_zone",
    "landbouwvoertuigen": "plate_except_agricultural",
    "m2": "plate_except_bicycles",
    "m3": "plate_except_bicycles_mopeds",
    "m5": "plate_two_way_cycles_mopeds",
    "m6": "plate_mopeds_path",
    "over 5 km": "plate_length",
    "passerende fietsers en brommers": "plate_cyclists_mopeds_crossing",
    "rode pijl op wit vlak": "curve_board",
    "spelende_kinderen": "plate_children",
    "typeII": "plate_length",
    "typell": "plate_length",
    "uitgezonderd plaatselijk verkeer": "plate_local_traffic",
    "verbod hond": "no_dogs",
    "verkeersplateau": "plate_plateau",
}

# C43 is a limit; which, the label doesn't say: those of 70 by the number of their picture, the others are 50.
LIMITS_OF_70 = frozenset({935, 936, 937, 986, 987, 988, 2590})


def belgian_name(label: str, frame: int) -> str | None:
    """Return the name of a sign in Belgium's catalogue, or None for a label that says nothing, such as "label".

    Args:
        label: As `gt.csv` has it.
        frame: Number of the picture.
    """
    if label == "C43":
        return "speed_limit_70" if frame in LIMITS_OF_70 else "speed_limit_50"
    return BTSD_NAMES.get(label)


def belgian_classes() -> dict[str, str]:
    """Return which of the base classes a label means, by label: those of other signs, and C43, are to be ignored."""
    base = load_catalogue().names
    return {"label": "ignore", "C43": "ignore"} | {
        label: name if name in base else "ignore" for label, name in BTSD_NAMES.items()
    }
