import ArgumentParser

/// The command `tollgate audit`.
struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Who has changed what, newest first.")
    @OptionGroup var options: AdminOptions

    @Option(help: "The maximum number of changes, 1 to 10000.")
    var limit = 20

    func validate() throws {
        guard (1...10_000).contains(limit) else { throw ValidationError("--limit: expected 1 to 10000.") }
    }

    func run() async throws {
        try await options.run { client in
            try await client.pages(atMost: limit) { count, cursor in
                let query = [("limit", "\(count)")] + (cursor.map { [("cursor", $0)] } ?? [])
                return AdminRequest(.get, "v1", "audit", query: query)
            }
        } text: {
            AdminText.audit($0)
        }
    }
}
