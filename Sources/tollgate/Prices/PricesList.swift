import ArgumentParser
import Foundation
import TollgatePolicy

/// The command `tollgate prices list FILE`.
struct PricesList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the prices of a price file.",
        discussion: """
            The columns input, output, cache read and cache write are prices of a million tokens. A price applies from \
            its date on, UTC. With --model, the entry that each provider uses for this model is listed, and how it \
            matches: by the exact name, by a prefix, or as the provider's default.

            Exits 2 if the file is not valid, or has no such price.
            """
    )

    @Argument(help: "The price file.")
    var file: String

    @Option(help: ArgumentHelp("Only the prices of this provider.", valueName: "name"))
    var provider: String?

    @Option(help: ArgumentHelp("Only the entries that are used for this model.", valueName: "name"))
    var model: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        try EnvironmentNames.exitUnlessKnown()
        do {
            let prices = try PriceFile(path: file)
            let list = PriceListText(prices.table, provider: provider, model: model)
            guard !list.isEmpty else { throw OperatorError("\(file): \(list.nothing)") }
            let now = Int64(Date().timeIntervalSince1970 * 1_000)
            print(json ? try list.json(currency: prices.currency) : list.text(on: .current, at: now))
        } catch {
            StandardError.print("\(error)")
            throw ExitCode(2)
        }
    }
}
