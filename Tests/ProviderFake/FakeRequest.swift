import Foundation

/// A request to the fake provider.
package struct FakeRequest: Sendable {
    package var path: String
    /// The parameters of the query in order, decoded.
    package var query: [(name: String, value: String)]
    /// The headers by their names in lower case.
    package var headers: [String: String]

    init(uri: String, headers: [String: String]) {
        self.headers = headers
        let parts = uri.split(separator: "?", maxSplits: 1)
        path = String(parts.first ?? "/")
        query = (parts.count == 2 ? parts[1] : "").split(separator: "&").map { item in
            let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let texts = pair.map { $0.replacing("+", with: " ").removingPercentEncoding ?? "" }
            return (texts[0], texts.count == 2 ? texts[1] : "")
        }
    }

    /// The first value of a parameter.
    package subscript(_ name: String) -> String? { query.first { $0.name == name }?.value }

    /// The items of a list, written as `name[]=a&name[]=b` or `name=a&name=b`.
    package func list(_ name: String) -> [String] {
        query.filter { $0.name == name || $0.name == name + "[]" }.map(\.value)
    }
}

/// A response of the fake provider.
struct FakeAnswer: Sendable {
    var status = 200
    var headers: [(String, String)] = []
    var body: String

    /// Text as JSON, and null for nil.
    static func json(_ text: String?) -> String {
        guard let text else { return "null" }
        let data = try? JSONSerialization.data(
            withJSONObject: text, options: [.fragmentsAllowed, .withoutEscapingSlashes])
        return String(decoding: data ?? Data("null".utf8), as: UTF8.self)
    }
}
