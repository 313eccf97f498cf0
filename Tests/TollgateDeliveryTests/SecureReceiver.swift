import Foundation
import TollgateTestSupport

/// An HTTPS server with a self-signed certificate that responds 200. It is killed when this object is released. Needs
/// openssl and Python.
final class SecureReceiver: Sendable {
    private static let server = """
        import http.server, ssl, sys

        class Receiver(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.send_response(200)
                self.end_headers()
            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                pass

        server = Server(("127.0.0.1", 0), Receiver)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain("certificate", "key")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        print("port", server.server_port, "", flush=True)
        server.serve_forever()
        """

    let port: Int
    private let program: BackgroundProgram

    /// Whether openssl and Python are installed.
    static func isPossible() async -> Bool {
        guard Python.isThere else { return false }
        return (try? await Command.run("openssl", ["version"]).status) == 0
    }

    init() async throws {
        let folder = try TemporaryFolder()
        let made = try await Command.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "certificate", "-days", "2",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
            ], workingFolder: folder.path)
        guard made.status == 0 else { throw TestFailure("openssl: \(made.errors)") }
        program = try BackgroundProgram(Python.program, ["-c", Self.server], folder: folder)
        port = try await program.number(after: "port ")
    }
}
