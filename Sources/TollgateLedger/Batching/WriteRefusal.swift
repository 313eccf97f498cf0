/// The error by which a Redis that answers says that it takes no writes, or none of ours. A plain value.
package struct WriteRefusal: Sendable, Equatable {
    /// Redis's code: `OOM`, `MISCONF`, `NOREPLICAS`, `NOPERM` …
    package let code: String
    /// Redis's sentence, with the code.
    package let sentence: String

    private static let codes: Set<String> = [
        "OOM", "MISCONF", "NOREPLICAS", "NOPERM", "READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "BUSY",
        "TRYAGAIN",
    ]

    /// Nil for an error that says nothing about other commands.
    package init?(redisSaid sentence: String) {
        // What a script may not do is told in words alone.
        let isDeniedToScript = sentence.hasPrefix("ERR The user executing the script can't ")
        let text = isDeniedToScript ? "NOPERM" + sentence.dropFirst("ERR".count) : sentence
        let code = String(text.prefix { $0 != " " })
        guard Self.codes.contains(code) else { return nil }
        self.code = code
        // Without where in which script: `… script: 6f68…, on @user_script:1.`
        self.sentence = text.components(before: " script: ").trimmed
    }
}

extension String {
    fileprivate func components(before mark: String) -> Substring {
        ranges(of: mark).last.map { self[..<$0.lowerBound] } ?? self[...]
    }
}

extension Substring {
    fileprivate var trimmed: String { String(self.reversed().drop { $0.isWhitespace }.reversed()) }
}
