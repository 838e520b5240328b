"""Which signs a run can name: the classifier's own, a country's further ones, and those that were added."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from signpipe.catalogue import Catalogue, load_catalogue
from signpipe.catalogue.countries import Country, load_country
from signpipe.errors import SettingsError
from signpipe.few_shot.folder import open_few_shot
from signpipe.few_shot.head import FewShotHead, Head
from signpipe.few_shot.pack import open_prototypes
from signpipe.settings import AUTO, CountrySettings
from signpipe.shipped import shipped
from signpipe.types import Classifications

if TYPE_CHECKING:
    from signpipe.runtime.session import Session
    from signpipe.settings import Settings

logger = logging.getLogger(__name__)
PROTOTYPES = "prototypes.npz"


@dataclass(frozen=True, slots=True)
class Signs:
    """What a run can name.

    Attributes:
        country: Whose signs they are.
        catalogue: The classes in the order of what `head` returns, or of the classifier's output without one.
        head: What names the classes beyond the classifier's own, or None if there are none.
    """

    country: Country
    catalogue: Catalogue
    head: Head | None


@dataclass(frozen=True, slots=True)
class Both:
    """A country's signs, and after them the classes that were added.

    Attributes:
        catalogue: All of them.
        country: Names the country's.
        added: Names the added ones.
    """

    catalogue: Catalogue
    country: Head
    added: FewShotHead

    def __call__(self, known: Classifications) -> Classifications:
        """Widen classifications of the classifier's classes, one row per crop, with embeddings."""
        return self.added(self.country(known))


def open_signs(settings: Settings, session: Session, country: Country | None = None) -> Signs:
    """Open what names signs for an open classifier.

    Without prototypes of this classifier only the classes that it knows are named, which is said; a country that was
    asked for must have them.

    Args:
        settings: Which country, where the prototypes are, and where the added classes.
        session: The open classifier, whose classes are the 43 base classes.
        country: The country; the default is the one that the settings name.

    Raises:
        SettingsError: There is no such country, or prototypes or added classes can't be used.
    """
    if country is None and settings.country.code == AUTO:
        raise SettingsError(
            "A pipeline alone can't tell the country; use `watch`, which knows positions, or give a code."
        )
    country = country or load_country(settings.country.code)
    folder = settings.classify.few_shot
    added = open_few_shot(folder, session, load_catalogue()) if folder else None
    if added is not None:  # one's own class stands for the country's sign of that name
        country = country.without(sign.name for sign in added.catalogue.classes[len(added.known) :])
    named = _country_head(settings.country, session, country)
    first = named.catalogue if named else Catalogue([*country.catalogue.classes[: len(load_catalogue())]])
    if added is None:
        return Signs(country, first, named)
    further = added.catalogue.classes[len(added.known) :]
    signs = [*first, *(replace(sign, id=len(first) + place) for place, sign in enumerate(further))]
    catalogue = Catalogue(signs)
    if named is None:
        return Signs(country, catalogue, replace(added, catalogue=catalogue))
    return Signs(country, catalogue, Both(catalogue, named, added))


def _country_head(settings: CountrySettings, session: Session, country: Country) -> Head | None:
    path = settings.prototypes or shipped("models") / PROTOTYPES
    try:
        return open_prototypes(path, session).head(country)
    except SettingsError as error:
        if settings != CountrySettings():
            raise
        logger.info("Only the classes that the classifier knows are named: %s", error)
        return None
