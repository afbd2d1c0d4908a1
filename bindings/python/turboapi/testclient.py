"""The in-process test client of Starlette."""

from starlette.testclient import TestClient as TestClient
