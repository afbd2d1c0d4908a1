"""Test clients: Starlette's, which calls the application in-process, and one for the real server."""

from starlette.testclient import TestClient as TestClient

from ._live_client import LiveTestClient as LiveTestClient
