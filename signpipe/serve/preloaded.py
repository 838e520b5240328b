"""What the process that forks workers loads before it is asked for the first: all that workers have in common.

Libraries, the catalogue and its drawings; no model and no source, so that nothing runs in that process.
"""

from __future__ import annotations

import signpipe.serve.worker  # noqa: F401
from signpipe.catalogue import load_catalogue
from signpipe.catalogue.countries import load_country
from signpipe.settings import CountrySettings, TemplateSettings
from signpipe.witnesses.template import TemplateWitness

load_country(CountrySettings().code)
TemplateWitness(TemplateSettings(), load_catalogue())
