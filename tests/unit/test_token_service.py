"""The stand-in for a token service refuses what the real one would."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import pytest

from anabranch.devkit.token_service import CLIENT_ID, TENANT_ID, TokenService

PATH = f"/{TENANT_ID}/oauth2/v2.0/token"


@pytest.fixture
def service(tmp_path: Path) -> TokenService:
    started = TokenService(tmp_path / "token")
    started.rotate()
    return started


def form(service: TokenService, **changes: str) -> dict[str, list[str]]:
    right = {
        "client_id": CLIENT_ID,
        "scope": "https://storage.azure.com/.default openid profile",
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": service.token_file.read_text(),
    }
    return {name: [value] for name, value in {**right, **changes}.items()}


def test_gives_a_token_that_lives_as_long_as_it_says(service: TokenService) -> None:
    service.control({"lifetime_s": ["10"]})
    status, body = service.answer(PATH, form(service))
    assert status == 200
    assert body["expires_in"] == 10
    claims = body["access_token"].split(".")[1]
    read = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert read["aud"] == "https://storage.azure.com"
    assert read["iss"] == f"https://sts.windows.net/{TENANT_ID}/"
    assert 10 <= read["exp"] - time.time() <= 16
    assert service.control({}) == {"given": 1, "refused": 0}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": "somebody"}, "AADSTS700016"),
        ({"scope": "https://vault.azure.net/.default"}, "AADSTS70011"),
        ({"grant_type": "password"}, "AADSTS900144"),
        ({"client_assertion": "made.up.token"}, "AADSTS700213"),
    ],
)
def test_refuses(service: TokenService, changes: dict[str, str], code: str) -> None:
    status, body = service.answer(PATH, form(service, **changes))
    assert status == 401
    assert body["error_description"].startswith(f"{code}: ")
    assert service.control({}) == {"given": 0, "refused": 1}


def test_refuses_another_tenant(service: TokenService) -> None:
    assert service.answer("/elsewhere/oauth2/v2.0/token", form(service))[0] == 401


def test_refuses_a_federated_token_that_has_been_replaced(service: TokenService) -> None:
    old = form(service)
    service.control({"rotate": [""]})
    assert service.answer(PATH, old)[0] == 401
    assert service.answer(PATH, form(service))[0] == 200
    assert service.token_file.stat().st_mode & 0o777 == 0o600


def test_takes_what_time_has_replaced_until_the_next(service: TokenService) -> None:
    first = form(service)
    service.rotate(keep_last=True)
    assert service.token_file.read_text() != first["client_assertion"][0]
    assert service.answer(PATH, first)[0] == 200, "a client may have read it a moment ago"
    assert service.answer(PATH, form(service))[0] == 200
    service.rotate(keep_last=True)
    assert service.answer(PATH, first)[0] == 401


def test_is_down_when_it_is_told_to(service: TokenService) -> None:
    service.control({"status": ["503"]})
    assert service.answer(PATH, form(service)) == (503, {"error": "temporarily_unavailable"})
