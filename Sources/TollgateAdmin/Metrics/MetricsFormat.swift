/// A text format of metrics.
enum MetricsFormat: Sendable {
    /// Prometheus text, version 0.0.4.
    case prometheus
    /// OpenMetrics text, version 1.0.0.
    case openMetrics

    /// Chooses the format by the header `Accept`: OpenMetrics if it is named and not less wanted than plain text.
    init(accept: String?) {
        let ranges = (accept ?? "").split(separator: ",").map(Range.init)
        let open = ranges.first { $0.type == "application/openmetrics-text" }?.quality ?? 0
        let plain = ranges.filter { ["text/plain", "text/*", "*/*"].contains($0.type) }.map(\.quality).max() ?? 0
        self = open > 0 && open >= plain ? .openMetrics : .prometheus
    }

    var contentType: String {
        switch self {
        case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }

    /// A media range with its quality, 0 … 1.
    private struct Range {
        var type: String
        var quality: Double

        init(_ text: Substring) {
            let parts = text.split(separator: ";").map { $0.trimming { $0 == " " || $0 == "\t" } }
            type = parts.first?.lowercased() ?? ""
            quality = parts.lazy.filter { $0.hasPrefix("q=") }.first.flatMap { Double($0.dropFirst(2)) } ?? 1
        }
    }
}

extension Substring {
    fileprivate func trimming(_ isTrimmed: (Character) -> Bool) -> Substring {
        let start = drop { isTrimmed($0) }
        return start.lastIndex { !isTrimmed($0) }.map { start[...$0] } ?? ""
    }
}
