"""The bill of materials, in CycloneDX: what the image and the Debian package have of others.

It has neither a moment nor a number of its own: the same libraries make the same file.
"""

import json
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from deploy.dependencies import PROGRAM, Library, dependencies


def sbom() -> str:
    """Return it as JSON, of the libraries that are installed here."""
    libraries = dependencies()
    program, *others = libraries
    made = {library.name: _component(library) for library in libraries}
    bom = Bom(
        components=[made[library.name] for library in others],
        metadata=BomMetaData(component=made[program.name], timestamp=datetime(1970, 1, 1, tzinfo=UTC)),
        serial_number=uuid5(NAMESPACE_URL, repr(libraries)),
    )
    for library in libraries:
        bom.register_dependency(made[library.name], [made[name] for name in library.needs])
    written = json.loads(make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string())
    del written["metadata"]["timestamp"]
    return json.dumps(written, indent=2, sort_keys=True) + "\n"


def _component(library: Library) -> Component:
    return Component(
        name=library.name,
        version=library.version,
        type=ComponentType.APPLICATION if library.name == PROGRAM else ComponentType.LIBRARY,
        bom_ref=f"{library.name}@{library.version}",
        licenses=[LicenseExpression(library.licence)],
        purl=PackageURL("pypi", name=library.name, version=library.version),
    )
