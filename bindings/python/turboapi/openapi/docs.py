"""Pages that show the document: Swagger UI, ReDoc, and Swagger UI's OAuth 2.0 return page."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from starlette.responses import HTMLResponse

from ..encoders import jsonable_encoder

swagger_ui_default_parameters: dict[str, Any] = {
    "dom_id": "#swagger-ui",
    "layout": "BaseLayout",
    "deepLinking": True,
    "showExtensions": True,
    "showCommonExtensions": True,
}

_SCRIPT_UNSAFE = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
_JS_STRING_UNSAFE = str.maketrans(
    {
        "\\": "\\\\",
        "'": "\\'",
        "<": "\\u003c",
        "\n": "\\n",
        "\r": "\\r",
        "\u2028": "\\u2028",
        "\u2029": "\\u2029",
    }
)


def _html_safe_json(value: Any) -> str:
    """JSON that may stand inside a script element: it can neither end it nor open a comment."""
    return json.dumps(value).translate(_SCRIPT_UNSAFE)


def _js_string(value: str) -> str:
    """A single-quoted JavaScript string, safe inside a script element."""
    return f"'{value.translate(_JS_STRING_UNSAFE)}'"


def get_swagger_ui_html(
    *,
    openapi_url: str,
    title: str,
    swagger_js_url: str = "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5/swagger-ui-bundle.js",
    swagger_css_url: str = "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5/swagger-ui.css",
    swagger_favicon_url: str = "https://fastapi.tiangolo.com/img/favicon.png",
    oauth2_redirect_url: str | None = None,
    init_oauth: dict[str, Any] | None = None,
    swagger_ui_parameters: dict[str, Any] | None = None,
) -> HTMLResponse:
    """The page of Swagger UI for the document at `openapi_url`.

    `swagger_ui_parameters` are merged over `swagger_ui_default_parameters`; `init_oauth` is given to
    `initOAuth`; `oauth2_redirect_url` is a path on this host. Scripts and style sheets come from the URLs.
    """
    parameters = {**swagger_ui_default_parameters, **(swagger_ui_parameters or {})}
    options = [f"url: {_js_string(openapi_url)}"]
    options += [
        f"{_html_safe_json(key)}: {_html_safe_json(jsonable_encoder(value))}"
        for key, value in parameters.items()
    ]
    if oauth2_redirect_url:
        options.append(
            f"oauth2RedirectUrl: window.location.origin + {_js_string(oauth2_redirect_url)}"
        )
    presets = "SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset"
    options.append(f"presets: [{presets}]")
    listed = "".join(f"      {option},\n" for option in options)
    oauth = (
        f"    ui.initOAuth({_html_safe_json(jsonable_encoder(init_oauth))})\n" if init_oauth else ""
    )
    return HTMLResponse(
        "<!DOCTYPE html>\n"
        '<html lang="en">\n'
        "  <head>\n"
        '    <meta charset="utf-8">\n'
        '    <meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"    <title>{escape(title)}</title>\n"
        f'    <link rel="shortcut icon" href="{escape(swagger_favicon_url)}">\n'
        f'    <link type="text/css" rel="stylesheet" href="{escape(swagger_css_url)}">\n'
        "  </head>\n"
        "  <body>\n"
        '    <div id="swagger-ui"></div>\n'
        f'    <script src="{escape(swagger_js_url)}"></script>\n'
        "    <script>\n"
        f"    const ui = SwaggerUIBundle({{\n{listed}    }})\n"
        f"{oauth}"
        "    </script>\n"
        "  </body>\n"
        "</html>\n"
    )


_GOOGLE_FONTS = "https://fonts.googleapis.com/css?family=Montserrat:300,400,700|Roboto:300,400,700"


def get_redoc_html(
    *,
    openapi_url: str,
    title: str,
    redoc_js_url: str = "https://cdn.jsdelivr.net/npm/redoc@2/bundles/redoc.standalone.js",
    redoc_favicon_url: str = "https://fastapi.tiangolo.com/img/favicon.png",
    with_google_fonts: bool = True,
) -> HTMLResponse:
    """The page of ReDoc for the document at `openapi_url`."""
    fonts = (
        f'    <link rel="stylesheet" href="{escape(_GOOGLE_FONTS)}">\n' if with_google_fonts else ""
    )
    return HTMLResponse(
        "<!DOCTYPE html>\n"
        '<html lang="en">\n'
        "  <head>\n"
        '    <meta charset="utf-8">\n'
        '    <meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"    <title>{escape(title)}</title>\n"
        f"{fonts}"
        f'    <link rel="shortcut icon" href="{escape(redoc_favicon_url)}">\n'
        "    <style>body { margin: 0; padding: 0 }</style>\n"
        "  </head>\n"
        "  <body>\n"
        "    <noscript>This page needs JavaScript.</noscript>\n"
        f'    <redoc spec-url="{escape(openapi_url)}"></redoc>\n'
        f'    <script src="{escape(redoc_js_url)}"></script>\n'
        "  </body>\n"
        "</html>\n"
    )


# The authorization server sends the browser here, in a window that Swagger UI opened. Swagger UI has put
# `swaggerUIRedirectOauth2` on itself: {state, redirectUrl, auth, callback, errCb}. The answer is in the
# fragment (implicit flow) or in the query (code flows); RFC 6749, 4.1.2, 4.2.2 and 10.12 for the state.
_OAUTH2_REDIRECT_PAGE = """<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Swagger UI: OAuth2 Redirect</title>
  </head>
  <body>
    <script>
    'use strict'

    const CODE_FLOWS = ['accessCode', 'authorizationCode', 'authorization_code']

    function readAnswer() {
      const fragment = window.location.hash.slice(1)
      const inFragment = /code|token|error/.test(fragment)
      const text = inFragment ? fragment.replace('?', '&') : window.location.search.slice(1)
      return Object.fromEntries(new URLSearchParams(text))
    }

    function describeError(answer) {
      if (!answer.error) {
        return '[Authorization failed]: no accessCode received from the server.'
      }
      const reason = answer.error_description || 'no accessCode received from the server'
      const more = answer.error_uri ? ' More info: ' + answer.error_uri : ''
      return '[' + answer.error + ']: ' + reason + '.' + more
    }

    function deliverCode(oauth2, answer, stateMatches) {
      const report = (level, message) =>
        oauth2.errCb({ authId: oauth2.auth.name, source: 'auth', level, message })
      if (!stateMatches) {
        report('warning', 'Authorization may be unsafe: the server did not return the state it was given.')
      }
      if (!answer.code) {
        report('error', describeError(answer))
        return
      }
      delete oauth2.state
      oauth2.auth.code = answer.code
      oauth2.callback({ auth: oauth2.auth, redirectUrl: oauth2.redirectUrl })
    }

    function finish() {
      const oauth2 = window.opener.swaggerUIRedirectOauth2
      const answer = readAnswer()
      const isValid = answer.state === oauth2.state
      if (CODE_FLOWS.includes(oauth2.auth.schema.get('flow')) && !oauth2.auth.code) {
        deliverCode(oauth2, answer, isValid)
      } else {
        oauth2.callback({ auth: oauth2.auth, token: answer, isValid, redirectUrl: oauth2.redirectUrl })
      }
      window.close()
    }

    if (document.readyState === 'loading') {
      document.addEventListener('DOMContentLoaded', finish)
    } else {
      finish()
    }
    </script>
  </body>
</html>
"""


def get_swagger_ui_oauth2_redirect_html() -> HTMLResponse:
    """The page that hands an authorization server's answer back to Swagger UI."""
    return HTMLResponse(_OAUTH2_REDIRECT_PAGE)
