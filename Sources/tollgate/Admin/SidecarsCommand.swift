import ArgumentParser
import TollgateAdmin

/// The command `tollgate sidecars`.
struct SidecarsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sidecars", abstract: "List the sidecars of the namespace that run or ran a minute ago.",
        discussion: """
            A sidecar announces itself every five seconds. One that has ended is removed at once, and one that was killed \
            after a minute.
            """)
    @OptionGroup var options: AdminOptions

    func run() async throws {
        try await options.run { client in
            try await client.send(AdminRequest(.get, "v1", "sidecars"))
        } text: {
            AdminText.sidecars($0, on: .current)
        }
    }
}

extension AdminText {
    /// Formats the sidecars of a namespace. Those with another policy are amber.
    static func sidecars(_ answer: JSONValue, on terminal: Terminal? = nil) -> String {
        var table = Table(
            ["host", "process", "version", "policy", "last seen", "listens on"], amounts: ["process", "last seen"],
            whole: ["version", "policy"])
        for item in answer["items"].array {
            let isSame = item["has_same_policy"] == .bool(true)
            table.add(
                [
                    item["host"].text, item["process_id"].text, item["version"].text,
                    item["policy_digest"].text + (isSame ? "" : " (another)"), "\(item["last_seen_seconds"].text) s",
                    item["listen"].array.map(\.text).joined(separator: " "),
                ], colour: isSame ? nil : amber)
        }
        return table.isEmpty ? "no sidecars" : table.text(on: terminal)
    }

    private static let amber = 33
}
