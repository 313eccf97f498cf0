import Crypto
import HTTPTypes
import Hummingbird
import NIOCore
import TollgateAdmin

/// The style sheet, the script and the icon of the pages. Their URLs contain a digest, so that browsers cache them until they
/// change.
enum Assets {
    /// A file that is served to browsers.
    struct File: Sendable {
        var path: String
        var type: String
        var text: String
    }

    static let styles = file("dashboard", "css", type: "text/css; charset=utf-8")
    static let icon = file("icon", "svg", type: "image/svg+xml")
    static let script = file("dashboard", "js", type: "text/javascript; charset=utf-8")

    /// The routes of the files. They contain nothing of a sidecar, so they are open.
    static var routes: [Route] {
        [styles, script, icon].map { file in
            Route(.get, file.path, .open) { _ in
                var response = Response(
                    status: .ok, headers: [.contentType: file.type],
                    body: .init(byteBuffer: ByteBuffer(string: file.text)))
                response.headers[.cacheControl] = "public, max-age=31536000, immutable"
                response.headers[.crossOriginResourcePolicy] = "same-origin"
                return response
            }
        }
    }

    private static func file(_ name: String, _ suffix: String, type: String) -> File {
        let text = embeddedTexts["Assets/\(name).\(suffix)"] ?? ""
        let digest = SHA256.hash(data: Array(text.utf8)).prefix(6).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
            .joined()
        return File(path: "/assets/\(name)-\(digest).\(suffix)", type: type, text: text)
    }
}
