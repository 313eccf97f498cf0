import ArgumentParser
import TollgateAdmin

/// The command `tollgate deliveries`.
struct Deliveries: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Whether alerts reach their receivers: what waits to be tried again, and what was given up.")
    @OptionGroup var options: AdminOptions

    func run() async throws {
        try await options.run { client in
            try await client.send(AdminRequest(.get, "v1", "deliveries"))
        } text: {
            AdminText.deliveries($0)
        }
    }
}
