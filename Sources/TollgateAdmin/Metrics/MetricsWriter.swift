import TollgateLedger

/// Writes metrics as text, family by family.
///
/// The formats differ in little: OpenMetrics names a counter's family without `_total`, and ends with `# EOF`.
struct MetricsWriter {
    typealias Labels = [(name: String, value: String)]

    private(set) var text = ""
    private let format: MetricsFormat

    init(_ format: MetricsFormat) {
        self.format = format
    }

    /// Writes a gauge without labels; nothing if there is no value.
    mutating func gauge(_ name: String, _ help: String, _ value: (some BinaryInteger)?) {
        gauge(name, help, value.map { Double($0) })
    }

    mutating func gauge(_ name: String, _ help: String, _ value: Double?) {
        if let value { gauges(name, help, [([], value)]) }
    }

    mutating func gauge(_ name: String, _ help: String, _ isTrue: Bool) { gauge(name, help, isTrue ? 1 : 0) }

    /// Writes a gauge with a sample for each set of labels; nothing if there is none.
    mutating func gauges(_ name: String, _ help: String, _ samples: [(labels: Labels, value: Double)]) {
        guard !samples.isEmpty else { return }
        head(name, "gauge", help)
        for sample in samples { write(name, sample.labels, sample.value) }
    }

    /// Writes a counter without labels.
    mutating func counter(_ name: String, _ help: String, _ value: some BinaryInteger) {
        counters(name, help, [([], Double(value))])
    }

    /// Writes a counter with a sample for each set of labels; nothing if there is none.
    ///
    /// - Parameter name: The name with `_total`.
    mutating func counters(_ name: String, _ help: String, _ samples: [(labels: Labels, value: Double)]) {
        guard !samples.isEmpty else { return }
        precondition(name.hasSuffix("_total"), "\(name): a counter ends with _total")
        head(format == .openMetrics ? String(name.dropLast("_total".count)) : name, "counter", help)
        for sample in samples { write(name, sample.labels, sample.value) }
    }

    /// Writes a histogram.
    ///
    /// - Parameter scale: The factor from the histogram's numbers to the unit of the metric.
    mutating func histogram(_ name: String, _ help: String, _ histogram: Histogram, scale: Double = 1) {
        head(name, "histogram", help)
        var count = 0
        for (index, number) in histogram.counts.enumerated() {
            count += number
            let bound = index < histogram.bounds.count ? Self.number(Double(histogram.bounds[index]) * scale) : "+Inf"
            write(name + "_bucket", [("le", bound)], Double(count))
        }
        write(name + "_sum", [], Double(histogram.sum) * scale)
        write(name + "_count", [], Double(count))
    }

    /// Ends the text.
    mutating func finish() {
        if format == .openMetrics { text += "# EOF\n" }
    }

    // MARK: - Lines

    private mutating func head(_ family: String, _ type: String, _ help: String) {
        text += "# HELP \(family) \(Self.escaped(help, quotes: false))\n# TYPE \(family) \(type)\n"
    }

    private mutating func write(_ name: String, _ labels: Labels, _ value: Double) {
        text += name
        if !labels.isEmpty {
            text += "{"
            for (index, label) in labels.enumerated() {
                text += "\(index == 0 ? "" : ",")\(label.name)=\"\(Self.escaped(label.value, quotes: true))\""
            }
            text += "}"
        }
        text += " \(Self.number(value))\n"
    }

    /// Returns a text with backslashes, line feeds and, in values, quotes escaped.
    private static func escaped(_ text: String, quotes: Bool) -> String {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "\\") || $0 == 0x0a || $0 == UInt8(ascii: "\"") }) else {
            return text
        }
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Returns a number as short as it can be read back: whole numbers without a fraction.
    static func number(_ value: Double) -> String {
        if value == value.rounded(), abs(value) < 9_007_199_254_740_992 { return "\(Int64(value))" }
        // Decimal fractions such as 0.00005 come out of a product with a last digit too many.
        let rounded = (value * 1e12).rounded() / 1e12
        return abs(value) < 1 ? "\(rounded)" : "\(value)"
    }
}
