import ArgumentParser

/// The command `tollgate reservations`.
struct ReservationsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reservations", abstract: "List and cancel open reservations.",
        subcommands: [ReservationsList.self, ReservationsCancel.self])
}

/// The command `tollgate reservations list user:alice`.
struct ReservationsList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the open reservations of a scope, by expiry.")
    @OptionGroup var options: AdminOptions

    @Argument(help: "user:alice, user:alice+tool:search, or global", transform: RequestArgument.scope)
    var scope: String
    @Option(help: "The maximum number of reservations, 1 to 10000.", transform: RequestArgument.limit)
    var limit = 50

    func run() async throws {
        try await options.run { client in
            try await client.pages(atMost: limit) {
                AdminRequest.page("scopes", scope, "reservations", of: $0, after: $1)
            }
        } text: {
            AdminText.reservations($0, on: .current)
        }
    }
}

/// The command `tollgate reservations cancel user:alice 6f9a2c01d44be870-1a`.
struct ReservationsCancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Cancel an open reservation, and release its held amounts.",
        discussion: "The request remains counted. A later commit is still charged.")
    @OptionGroup var options: AdminOptions

    @Argument(help: "A scope of the reservation.", transform: RequestArgument.scope)
    var scope: String
    @Argument(help: "The id that tollgate reservations list prints.")
    var id: String

    func run() async throws {
        let (scope, id) = (scope, id)
        try await options.run {
            try await $0.send(AdminRequest(.delete, "v1", "scopes", scope, "reservations", id))
        } text: { _ in
            "\(id): cancelled"
        }
    }
}
