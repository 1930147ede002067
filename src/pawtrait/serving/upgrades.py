"""A parser that follows nobody to another protocol: what offers one is read as if it had not.

Java's own client offers HTTP/2 with each request (``Upgrade: h2c``), as ``curl --http2`` does. Of such a
request httptools takes the body for a next one, and the body is lost.
"""

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Parser(httptools.HttpRequestParser):
    """Reads the head of a request with an offer twice, the second time without it.

    Its protocol shall not heed a head, nor the end of its message, while it ``should_upgrade``.
    """

    def __init__(self, protocol: HttpToolsProtocol) -> None:
        """As lenient as uvicorn's own, and no more."""
        self._protocol = protocol
        self._begin()

    def feed_data(self, data: bytes | bytearray | memoryview) -> None:  # type: ignore[override]
        """Raises as httptools' own, but for HttpParserUpgrade."""
        rest = memoryview(data)
        while True:
            try:
                super().feed_data(rest)
                return
            except httptools.HttpParserUpgrade as offer:
                rest, head = rest[offer.args[0] :], self._without_offer()
                self._begin()  # else it would read nothing after a connection's last request
                super().feed_data(head)

    def _begin(self) -> None:
        super().__init__(self._protocol)
        self.set_dangerous_leniencies(lenient_data_after_close=True)

    def _without_offer(self) -> bytes:
        """The head that came last."""
        line = b"%s %s HTTP/%s" % (self.get_method(), self._protocol.url, self.get_http_version().encode())
        said = [b"%s: %s" % pair for pair in self._protocol.headers if pair[0] != b"upgrade"]
        return b"\r\n".join([line, *said, b"", b""])
