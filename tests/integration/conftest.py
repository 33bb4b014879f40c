"""What several files of tests share because it is dear to make."""

import pytest

from tests.integration.container_image import build_image, cache_directory
from tests.integration.podman import Podman


@pytest.fixture(scope="session")
def podman() -> Podman:
    return Podman(cache_directory())


@pytest.fixture(scope="session")
def image(podman: Podman) -> str:
    return build_image(podman, cache_directory())
