/// A request to the admin API.
struct AdminRequest {
    enum Method: String {
        case get = "GET"
        case put = "PUT"
        case post = "POST"
        case delete = "DELETE"
    }

    var method: Method
    /// The path and the query.
    var path: String
    /// The body as JSON.
    var body: String?
    /// The precondition: a header's name and value.
    var condition: (name: String, value: String)?

    /// Creates a request.
    ///
    /// - Parameter segments: The segments of the path, unencoded.
    init(_ method: Method, _ segments: String..., query: [(String, String)] = [], body: String? = nil) {
        self.method = method
        self.body = body
        path = segments.map { "/" + Self.encoded($0, allowing: ":") }.joined()
        if !query.isEmpty {
            path += "?" + query.map { "\($0)=\(Self.encoded($1, allowing: ":,"))" }.joined(separator: "&")
        }
    }

    /// Returns the request with an If-Match precondition. The ETag `"0"` means that nothing exists.
    func matching(_ etag: String) -> AdminRequest {
        var request = self
        request.condition = etag == "\"0\"" ? ("If-None-Match", "*") : ("If-Match", etag)
        return request
    }

    /// Percent-encodes everything but letters, digits, `-._~` and the given characters.
    static func encoded(_ text: some StringProtocol, allowing allowed: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                if "-._~".utf8.contains(byte) || allowed.utf8.contains(byte) {
                    result.unicodeScalars.append(Unicode.Scalar(byte))
                } else {
                    let digits = String(byte, radix: 16, uppercase: true)
                    result += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
                }
            }
        }
        return result
    }
}
