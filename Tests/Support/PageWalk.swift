package import Foundation

/// The commands that a page of the documentation shows, and their outputs.
package enum PageWalk {
    /// A line that begins with `$`, and the output that the page shows.
    package struct Step {
        package var command: String
        package var shown: [String]
    }

    /// The folder of the repository.
    package static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The fenced blocks of a section, without their fences.
    package static func blocks(of title: String, in page: String) throws -> [[String]] {
        let text = try String(contentsOf: root.appending(path: page), encoding: .utf8)
        let parts = text.components(separatedBy: "\n## \(title)\n")
        guard parts.count == 2, let section = parts[1].components(separatedBy: "\n## ").first else {
            throw TestFailure("\(page) has no section \(title), or several")
        }
        var blocks: [[String]] = []
        var isInside = false
        for line in section.components(separatedBy: "\n") {
            if line.hasPrefix("```") {
                isInside.toggle()
                if isInside { blocks.append([]) }
            } else if isInside {
                blocks[blocks.count - 1].append(line)
            }
        }
        if isInside { throw TestFailure("\(page): a block of \(title) has no end") }
        return blocks
    }

    package static func steps(of block: [String]) -> [Step] {
        block.reduce(into: []) { steps, line in
            if line.hasPrefix("$ ") {
                steps.append(Step(command: String(line.dropFirst(2)), shown: []))
            } else {
                steps[steps.count - 1].shown.append(line)
            }
        }
    }

    // MARK: - Comparing

    package static func lines(of output: String) -> [String] {
        var lines = output.replacing("\r\n", with: "\n").components(separatedBy: "\n").map(settled)
        if lines.last == "" { lines.removeLast() }
        return lines
    }

    /// Replaces words that depend on the time, and ports.
    package static func settled(_ line: String) -> String {
        line.replacing(#/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z/#, with: "TIME")
            .replacing(#/[0-9]{4}-[0-9]{2}-[0-9]{2}/#, with: "DAY")
            .replacing(#/\b[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}\b/#, with: "MINUTE")
            .replacing(#/\b[0-9a-z]{8}-[0-9a-z]{9,13}\b/#, with: "ALERT")
            .replacing(#/reservation=[^ ]+/#, with: "reservation=TOKEN")
            .replacing(#/^http://127\.0\.0\.1:[0-9]+/#, with: "http://127.0.0.1:PORT")
            .replacing(#/(reset=|retry_after=|"reset":|;t=|Retry-After: |retry after )[0-9.]+/#) {
                "\($0.output.1)SECONDS"
            }
    }

    /// Compares lines. `…` stands for the rest of a line or, alone, for any number of lines.
    package static func matches(_ came: ArraySlice<String>, _ shown: ArraySlice<String>) -> Bool {
        guard let pattern = shown.first else { return came.isEmpty }
        if pattern == "…" {
            return came.indices.contains { matches(came[$0...], shown.dropFirst()) } || shown.count == 1
        }
        guard let line = came.first else { return false }
        let fits = pattern.hasSuffix("…") ? line.hasPrefix(pattern.dropLast()) : line == pattern
        return fits && matches(came.dropFirst(), shown.dropFirst())
    }
}
