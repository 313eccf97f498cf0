import ArgumentParser

/// `tollgate audit`
struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Who has changed what, newest first.")
    @OptionGroup var options: AdminOptions

    @Option(help: "The most changes to show, 1 to 1000.")
    var limit = 20

    func run() async throws {
        let request = AdminRequest(.get, "v1", "audit", query: [("limit", "\(limit)")])
        try await options.run {
            try await $0.send(request)
        } text: {
            AdminText.audit($0)
        }
    }
}
