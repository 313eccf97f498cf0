import ArgumentParser
import Foundation
import TollgatePolicy

/// The command `tollgate prices import FILE`.
struct PricesImport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Convert a price map to a price file.",
        discussion: """
            Reads the JSON of LiteLLM (model_prices_and_context_window.json) or of genai-prices (data.json), and prints a \
            price file in YAML, in US dollars. A report on standard error says how many models it contains, which ones it \
            does not contain and why, and which fields of the map were not imported. Rates are exact: a price that \
            would have to be rounded is not imported.

            Not imported are prices above a number of tokens, of batches and other service tiers, of tokens of audio and \
            images, and of tools such as web search. Costs that depend on them are computed with the base price.

            Exits 2 if the file is not a price map, or has no usable price.
            """
    )

    @Argument(help: "The price map: a JSON file of at most 32 MiB.")
    var file: String

    @Option(
        help: ArgumentHelp(
            "Import only the prices of this provider. May be given several times.", valueName: "name"))
    var provider: [String] = []

    @Option(help: ArgumentHelp("Write the price file here instead, replacing it at once.", valueName: "file"))
    var output: String?

    @Flag(help: "Print the report as JSON, with the names of all entries and fields that were not imported.")
    var json = false

    func run() throws {
        try EnvironmentNames.exitUnlessKnown()
        do {
            let name = URL(fileURLWithPath: file).lastPathComponent
            let prices = try PriceImport(json: text(), file: file, providers: provider)
            let report = PriceImportText(prices, file: name)
            let yaml = PriceFileWriter(prices.table, currency: "USD").text(comments: report.comments)
            guard yaml.utf8.count <= TextFile.maxSize else {
                throw OperatorError(
                    "\(file): the price file would be larger than 1 MiB; choose providers with --provider")
            }
            // What is printed is valid, and means what was read.
            let check = try PriceFile(yaml: yaml, file: output ?? "price file")
            guard check.table.providers == prices.table.providers else {
                throw OperatorError("\(file): the price file is not complete")
            }
            try write(yaml)
            StandardError.print(json ? try CanonicalJSON.text(prices) : report.text)
        } catch {
            StandardError.print("\(error)")
            throw ExitCode(2)
        }
    }

    private func text() throws(OperatorError) -> String {
        do throws(TextFile.Fault) {
            return try TextFile(path: file).text(maxSize: PriceImport.maxSize)
        } catch {
            throw OperatorError("\(file): \(error.sentence)")
        }
    }

    private func write(_ yaml: String) throws(OperatorError) {
        guard let output else { return print(yaml, terminator: "") }
        do throws(TextFile.Fault) {
            try TextFile(path: output).replace(with: yaml)
        } catch {
            throw OperatorError("\(output): \(error.sentence)")
        }
    }
}
