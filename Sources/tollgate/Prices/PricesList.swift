import ArgumentParser
import Foundation
import TollgateAdmin
import TollgatePolicy

/// The command `tollgate prices list FILE`, or without a file for the prices of a sidecar.
struct PricesList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the prices of a price file, or those that a sidecar uses.",
        discussion: """
            The columns input, output, cache read and cache write are prices of a million tokens. A price applies from \
            its date on, UTC. With --model, the entry that each provider uses for this model is listed, and how it \
            matches: by the exact name, by a prefix, or as the provider's default.

            Without a file, the prices come from the admin API of a sidecar, and models without a price that requests \
            have named follow them.

            Exits 2 if the file is not valid, or has no such price.
            """
    )

    @OptionGroup var options: AdminOptions

    @Argument(help: "The price file. (default: the prices of a sidecar)")
    var file: String?

    @Option(help: ArgumentHelp("Only the prices of this provider.", valueName: "name"))
    var provider: String?

    @Option(help: ArgumentHelp("Only the entries that are used for this model.", valueName: "name"))
    var model: String?

    func run() async throws {
        if let file { try list(file) } else { try await listInForce() }
    }

    private var now: Int64 { Int64(Date().timeIntervalSince1970 * 1_000) }

    private func listInForce() async throws {
        let (provider, model, now) = (provider, model, now)
        try await options.run {
            try await $0.send(AdminRequest(.get, "v1", "prices"))
        } text: { answer in
            let prices = answer["prices"]
            let table =
                prices.members.isEmpty
                ? PriceTable() : try PriceFile(yaml: "{\"prices\":\(prices.json)}", file: "/v1/prices").table
            let list = PriceListText(table, provider: provider, model: model)
            let unknown = answer["unknown_models"].array.map { model in
                let provider = model["provider"].string.map { " of \($0)" } ?? ""
                return JSONValue.printable(
                    "no price: \(model["model"].text)\(provider), \(model["requests"].text) requests")
            }
            let text = list.isEmpty ? list.nothing : list.text(on: .current, at: now)
            return ([text] + (unknown.isEmpty ? [] : [unknown.joined(separator: "\n")])).joined(separator: "\n\n")
        }
    }

    private func list(_ file: String) throws {
        try EnvironmentNames.exitUnlessKnown()
        do {
            let prices = try PriceFile(path: file)
            let list = PriceListText(prices.table, provider: provider, model: model)
            guard !list.isEmpty else { throw OperatorError("\(file): \(list.nothing)") }
            print(options.json ? try list.json(currency: prices.currency) : list.text(on: .current, at: now))
        } catch {
            StandardError.print("\(error)")
            throw ExitCode(2)
        }
    }
}
