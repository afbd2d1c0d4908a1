"""The same requests through TestClient, ASGI, the live server and FastAPI on uvicorn.

``apps`` holds applications written against the name ``fastapi``, ``cases`` the requests as data,
``ways`` the four ways, ``test_parity`` compares.
"""
