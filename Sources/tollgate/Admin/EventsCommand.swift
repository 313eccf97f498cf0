import ArgumentParser
import TollgateCore

/// The command `tollgate events --limit-name requests/1m`.
struct Events: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List denied requests, newest first.",
        discussion: """
            If one limit of a scope denies many requests, lists the first of a period and then one per minute. Requests \
            that a limit in shadow mode would have denied are marked (shadow).
            """
    )
    @OptionGroup var options: AdminOptions

    @Option(help: "A scope, such as user:alice, user:alice+tool:search or global.", transform: RequestArgument.scope)
    var scope: String?
    @Option(
        help: ArgumentHelp("A limit, such as requests/1m or user:alice/requests/1m.", valueName: "limit"),
        transform: RequestArgument.limitName)
    var limitName: String?
    @Option(
        help: ArgumentHelp("Only events of limits in this mode: enforce or shadow.", valueName: "mode"),
        transform: RequestArgument.limitMode)
    var mode: LimitMode?
    @Option(help: "The maximum number of events, 1 to 10000.", transform: RequestArgument.limit)
    var limit = 50

    func run() async throws {
        try await options.run { client in
            let filters = [("scope", scope), ("limit", limitName), ("mode", mode?.rawValue)]
            return try await client.pages(atMost: limit) {
                AdminRequest.page("events", query: filters, size: "count", of: $0, after: $1)
            }
        } text: {
            AdminText.events($0, on: .current)
        }
    }
}

/// The command `tollgate audit`.
struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Who has changed what, newest first.")
    @OptionGroup var options: AdminOptions

    @Option(help: "The maximum number of changes, 1 to 10000.", transform: RequestArgument.limit)
    var limit = 20

    func run() async throws {
        try await options.run { client in
            try await client.pages(atMost: limit) { AdminRequest.page("audit", of: $0, after: $1) }
        } text: {
            AuditText.table($0, on: .current)
        }
    }
}
