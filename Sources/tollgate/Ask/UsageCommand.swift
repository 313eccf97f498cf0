import ArgumentParser
import TollgateWire

/// The command `tollgate usage user:alice`, and `tollgate usage --kind tenant`.
struct UsageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage",
        abstract: "Show a scope's usage under each of its limits, or the usage of a kind's scopes.",
        discussion: """
            At a terminal, limits that are used to 80 % are amber, and those used up are red.
            With --kind, lists the scopes that were used recently, the last one first, each with its usage of today and \
            its most used limit. That takes the admin API: see --admin.
            """)

    @OptionGroup var sidecar: SidecarOptions
    @OptionGroup var options: AdminOptions
    @Argument(help: "user:alice, user:alice+tool:search, or global")
    var scope: String?
    @Option(help: "A kind of scopes, such as tenant or user+tool.", transform: RequestArgument.kind)
    var kind: String?
    @Option(help: "With --kind: the maximum number of scopes, 1 to 10000.", transform: RequestArgument.limit)
    var limit = 50

    func validate() throws {
        guard (scope == nil) != (kind == nil) else { throw ValidationError("Expected a scope or --kind.") }
    }

    func run() async throws {
        if let scope { try await show(scope) }
        if let kind { try await list(kind) }
    }

    private func show(_ scope: String) async throws {
        let (json, answer) = try await sidecar.document(from: .usage, ["scope=\(scope)"])
        print(options.json ? json : UsageText.scope(answer, on: .current))
    }

    private func list(_ kind: String) async throws {
        try await options.run { client in
            try await client.pages(atMost: limit) {
                AdminRequest.page("scopes", query: [("kind", kind)], of: $0, after: $1)
            }
        } text: {
            UsageText.scopes($0, on: .current)
        }
    }
}
