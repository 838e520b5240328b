"""In which country a position lies, told offline by the nearest of 150,000 places of GeoNames."""

from __future__ import annotations


def country_at(latitude: float, longitude: float) -> str:
    """Return the code of the country, ISO 3166-1 in small letters, of the place that is nearest to a position.

    Near a border the nearest place may lie beyond it. The first call reads the places, which takes some seconds.

    Args:
        latitude: Degrees north.
        longitude: Degrees east.
    """
    import reverse_geocode  # only who asks waits for it

    return str(reverse_geocode.get((latitude, longitude))["country_code"]).lower()
