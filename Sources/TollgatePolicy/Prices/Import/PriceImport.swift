import TollgateCore

/// The result of reading a price map: a table of prices, and a report of what it does not contain. Pure.
package struct PriceImport: Sendable {
    /// A format of price maps.
    package enum Format: String, Sendable, Encodable {
        case liteLLM = "LiteLLM"
        case genAIPrices = "genai-prices"
    }

    /// The reason why an entry of the map has no price in the table.
    package enum Rejection: String, Error, Sendable, CaseIterable {
        case noPrice = "no_price"
        case otherPrices = "other_prices"
        case inexactPrice = "inexact_price"
        case malformedPrice = "malformed_price"
        case malformedEntry = "malformed_entry"
        case noProvider = "no_provider"
        case unusableName = "unusable_name"
        case unusableRules = "unusable_rules"
        case shadowed = "shadowed"
        case brokenAlias = "broken_alias"
        case conflict = "conflict"

        /// The reason as the end of a line of the report.
        package var sentence: String {
            switch self {
            case .noPrice: "no price"
            case .otherPrices: "only prices that Tollgate has no key for"
            case .inexactPrice: "a price with more than \(Rate.decimals) decimals"
            case .malformedPrice: "a price that is not a number from 0 to \(Rate.maxWhole)"
            case .malformedEntry: "not an entry of this format"
            case .noProvider: "no provider"
            case .unusableName: "a name that a price file cannot have"
            case .unusableRules: "rules for the name that are neither names nor prefixes"
            case .shadowed: "an earlier model has all of its names"
            case .brokenAlias: "an alias of a model without a price"
            case .conflict: "another price for the same model"
            }
        }
    }

    /// The maximum number of entries of a map.
    static let maxEntries = 100_000
    /// The maximum size of a map in bytes.
    package static let maxSize = 32 << 20

    package var format: Format
    /// The number of entries of the map, without its description of the format.
    package var entries = 0
    /// The number of entries of providers that were not asked for.
    package var otherEntries = 0
    /// The entries without a price in the table, by reason.
    package var rejected: [Rejection: [String]] = [:]
    /// The numbers of values of the map that the table does not contain, by field: prices other than 0, and rules for names
    /// that stand for more names than the table has.
    package var fields: [String: Int] = [:]
    package var table = PriceTable()

    /// The providers that were asked for; empty for all.
    private let wanted: Set<String>
    private var known: Set<String> = []

    /// Reads a price map, in the format that its contents show.
    ///
    /// - Parameters:
    ///   - json: The text of the map.
    ///   - file: The name that errors are reported under. Nothing is read from it.
    ///   - providers: The providers to read; empty for all.
    /// - Throws: An `OperatorError` if the text is not JSON or not a price map, is too large, has none of the providers,
    ///   or no price at all.
    package init(json: String, file: String, providers: [String] = []) throws(OperatorError) {
        guard json.utf8.count <= Self.maxSize else { throw OperatorError("\(file): larger than 32 MiB") }
        let root = try ExactJSON.root(of: json, file: file)
        wanted = Set(providers)
        if let members = LiteLLMPrices.members(of: root) {
            format = .liteLLM
            guard members.count <= Self.maxEntries else { throw Self.tooLarge(file) }
            var reader = LiteLLMPrices(members)
            reader.read(into: &self)
        } else if let providers = GenAIPrices.providers(of: root) {
            format = .genAIPrices
            let isSmall = providers.reduce(0) { $0 + ($1["models"]?.items?.count ?? 0) } <= Self.maxEntries
            guard isSmall, providers.allSatisfy({ GenAIPrices($0).read(into: &self) }) else {
                throw Self.tooLarge(file)
            }
        } else {
            throw OperatorError(
                "\(file): not a price map: expected the JSON of LiteLLM (model_prices_and_context_window.json) "
                    + "or of genai-prices (data.json)")
        }
        for name in providers where !known.contains(name) {
            let hint = nearestWord(to: name, among: known.sorted()).map { "; did you mean \($0)?" } ?? ""
            throw OperatorError("\(file): no provider \(name)\(hint)")
        }
        guard !table.isEmpty else { throw OperatorError("\(file): no price that a price file can have") }
    }

    private static func tooLarge(_ file: String) -> OperatorError {
        OperatorError("\(file): more than \(maxEntries) models, or too many rules for their names")
    }

    // MARK: - For the readers of formats

    /// Returns whether the entries of a provider are to be read.
    mutating func wants(_ provider: String) -> Bool {
        known.insert(provider)
        return wanted.isEmpty || wanted.contains(provider)
    }

    mutating func reject(_ name: String, _ reason: Rejection) {
        rejected[reason, default: []].append(name)
    }

    mutating func count(_ field: String) {
        fields[field, default: 0] += 1
    }
}

extension PriceImport {
    /// The number of entries that a price of the table stands for.
    package var importedEntries: Int { entries - otherEntries - rejectedEntries }

    /// The number of entries without a price in the table.
    package var rejectedEntries: Int { rejected.values.reduce(0) { $0 + $1.count } }

    /// The number of prices in the table that are 0 throughout. The map says so, but may mean that a price is unknown.
    package var freePrices: Int {
        table.providers.values.reduce(0) { count, provider in
            let series = Array(provider.models.values) + Array(provider.prefixes.values)
            return count + series.count { $0.steps.allSatisfy(\.price.isFree) }
        }
    }
}
