import ArgumentParser
import TollgateAdmin

/// The command `tollgate deliveries`.
struct Deliveries: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the receivers of alerts, deliveries that are retried, and dead-lettered ones.")
    @OptionGroup var options: AdminOptions

    func run() async throws {
        try await options.run { client in
            try await client.send(AdminRequest(.get, "v1", "deliveries"))
        } text: {
            AdminText.deliveries($0)
        }
    }
}
