"""Helpers for `Authorization` headers."""


def get_authorization_scheme_param(authorization_header_value: str | None) -> tuple[str, str]:
    """Split `scheme param` at the first space (RFC 9110, 11.4), trimmed; two empty strings without a header."""
    if not authorization_header_value:
        return "", ""
    scheme, _, param = authorization_header_value.partition(" ")
    return scheme, param.strip()
