import ArgumentParser
import TollgateAdmin
import TollgatePolicy

/// The command `tollgate prices`.
struct PricesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prices", abstract: "Work with price files.",
        discussion: """
            A price file has the prices of models, from which a sidecar computes the cost of requests: \
            tollgate serve --prices FILE. Only prices list without a file needs a sidecar.
            """,
        subcommands: [PricesImport.self, PricesCheck.self, PricesList.self])
}

/// The command `tollgate prices check FILE`.
struct PricesCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check a price file for errors.",
        discussion: "Exits 0 if the file is valid, and 2 if it is not."
    )

    @Argument(help: "The price file.")
    var file: String

    @Flag(help: "Print JSON, as policy check does.")
    var json = false

    func run() throws {
        try EnvironmentNames.exitUnlessKnown()
        do {
            let prices = try PriceFile(path: file)
            guard !json else { return print(try CanonicalJSON.text(PolicyVerdict(prices))) }
            let currency = prices.currency.map { " in \($0)" } ?? ""
            print("\(file): valid; \(PricesText.counts(of: prices.table))\(currency)")
        } catch {
            if json {
                let verdict = (error as? PolicyError).map(PolicyVerdict.init) ?? PolicyVerdict(unreadable: "\(error)")
                print(try CanonicalJSON.text(verdict))
            } else {
                StandardError.print("\(error)")
            }
            throw ExitCode(2)
        }
    }
}
