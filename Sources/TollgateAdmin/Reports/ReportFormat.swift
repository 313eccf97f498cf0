import HTTPTypes

/// The format of a report.
enum ReportFormat: String {
    case json
    case csv

    /// Reads `format=`. If it is missing, negotiates by Accept: CSV if the client prefers it to JSON.
    init(_ query: Query, _ headers: HTTPFields) throws(Problem) {
        if let text = query["format"] {
            guard let format = ReportFormat(rawValue: text) else { throw .badRequest("format: expected json or csv") }
            self = format
        } else {
            let accept = headers[.accept] ?? ""
            self =
                Self.weight(of: "text/csv", in: accept) > Self.weight(of: "application/json", in: accept) ? .csv : .json
        }
    }

    /// Returns the quality (RFC 9110) of a media type in Accept, or 0 if it is not listed.
    private static func weight(of type: String, in accept: String) -> Double {
        for range in accept.split(separator: ",") {
            let parts = range.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
            guard parts.first == type else { continue }
            let quality = parts.dropFirst().first { $0.hasPrefix("q=") }
            return quality.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
        }
        return 0
    }
}
