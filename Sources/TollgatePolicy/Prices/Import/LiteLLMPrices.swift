import TollgateCore

/// The price map of LiteLLM, `model_prices_and_context_window.json`: a map of entries by the name of the model, with
/// prices of one token, image, second or query.
struct LiteLLMPrices {
    private static let fields = PriceFields(fields: [
        (.input, [.init("input_cost_per_token", .perToken)]),
        (.output, [.init("output_cost_per_token", .perToken)]),
        (
            .cacheRead,
            [.init("cache_read_input_token_cost", .perToken), .init("input_cost_per_token_cache_hit", .perToken)]
        ),
        (.cacheWrite, [.init("cache_creation_input_token_cost", .perToken)]),
        (.request, [.init("input_cost_per_request"), .init("input_cost_per_query")]),
        (.image, [.init("output_cost_per_image"), .init("input_cost_per_image")]),
        (
            .minute,
            [
                .init("output_cost_per_video_per_second", .perSecond), .init("output_cost_per_second", .perSecond),
                .init("input_cost_per_second", .perSecond),
            ]
        ),
    ])

    /// The modes in which a second is one of audio or video. In others it is one of a machine's time.
    private static let mediaModes: Set<String> = [
        "audio_transcription", "audio_speech", "video_generation", "realtime",
    ]

    /// Providers that are one part of another one's API, by the name of the map.
    private static let partsOfProviders = [
        "azure_text": "azure", "bedrock_converse": "bedrock", "cohere_chat": "cohere",
    ]

    /// An entry with a price.
    private struct Priced {
        var provider: String
        /// The provider as the map names it. Keys may begin with either.
        var word: String
        var price: ModelPrice
    }

    private let members: [DocumentNode.Member]
    private var priced: [String: Priced] = [:]
    private var keysOfOthers: Set<String> = []
    /// The prices by provider and name, with their keys.
    private var names: [String: [String: (price: ModelPrice, key: String, isQualified: Bool)]] = [:]

    init(_ members: [DocumentNode.Member]) {
        self.members = members
    }

    /// The entries of a document in this format; nil for one in another.
    static func members(of root: DocumentNode) -> [DocumentNode.Member]? {
        guard let members = root.members, members.contains(where: { $0.value["litellm_provider"] != nil }) else {
            return nil
        }
        return members.filter { $0.key.text != "sample_spec" }
    }

    /// Reads all entries. An alias has the price of the entry that it names.
    mutating func read(into report: inout PriceImport) {
        report.entries = members.count
        let entries = members.map { (key: $0.key.text ?? "", value: $0.value) }.sorted { $0.key < $1.key }
        var aliases: [(key: String, target: String)] = []
        for (key, entry) in entries {
            if entry["litellm_provider"] == nil, let target = entry["alias_of"]?.text {
                aliases.append((key, target))
                continue
            }
            do throws(PriceImport.Rejection) {
                guard let price = try price(of: entry, counting: &report) else {
                    keysOfOthers.insert(key)
                    report.otherEntries += 1
                    continue
                }
                priced[key] = price
                try add(key, price, to: &report)
            } catch {
                report.reject(key, error)
            }
        }
        for (key, target) in aliases {
            guard !keysOfOthers.contains(target) else {
                report.otherEntries += 1
                continue
            }
            do throws(PriceImport.Rejection) {
                guard let price = priced[target] else { throw .brokenAlias }
                try add(key, price, to: &report)
            } catch {
                report.reject(key, error)
            }
        }
        for (provider, models) in names.sorted(by: { $0.key < $1.key }) {
            var prices = PriceTable.Provider()
            for (name, entry) in models { prices.add(PriceTable.Series([.init(price: entry.price)]), as: name) }
            report.table.add(prices, of: provider)
        }
    }

    /// The price of an entry; nil if its provider was not asked for.
    private func price(
        of entry: DocumentNode, counting report: inout PriceImport
    ) throws(PriceImport.Rejection) -> Priced? {
        guard let members = entry.members else { throw .malformedEntry }
        guard let word = entry["litellm_provider"]?.text else { throw .noProvider }
        let provider = Self.provider(word)
        guard ScopeID.isValid(provider) else { throw .unusableName }
        guard report.wants(provider) else { return nil }
        let mode = entry["mode"]?.text ?? ""
        let price = try Self.fields.price(
            of: members, isPrice: Self.isPrice, isUsable: { Self.isUsable($0, mode: mode) }, counting: &report)
        return Priced(provider: provider, word: word, price: price)
    }

    /// Adds a price under the name in a key. Of two entries with the same name, the one whose key begins with the
    /// provider stays.
    private mutating func add(
        _ key: String, _ entry: Priced, to report: inout PriceImport
    ) throws(PriceImport.Rejection) {
        let words = [entry.provider, entry.word, entry.provider.replacing("_", with: "-")]
        let prefix = words.first { key.hasPrefix($0 + "/") }
        var name = prefix.map { String(key.dropFirst($0.count + 1)) } ?? key
        guard !name.contains("*"), PriceTable.Provider.isName(name) else { throw .unusableName }
        // A fine-tuned model has an organization and an id after the name of its base: ft:gpt-4o-2024-08-06:acme::id.
        if entry.provider == "openai", name.hasPrefix("ft:") { name += "*" }
        if let known = names[entry.provider]?[name] {
            guard known.price != entry.price else { return }
            guard prefix != nil, !known.isQualified else { throw .conflict }
            report.reject(known.key, .conflict)
        }
        names[entry.provider, default: [:]][name] = (entry.price, key, prefix != nil)
    }

    /// The provider that callers name, by the name of the map: `vertex_ai` for `vertex_ai-language-models`.
    private static func provider(_ word: String) -> String {
        if let provider = partsOfProviders[word] { return provider }
        let completion = "text-completion-"
        if word.hasPrefix(completion) { return String(word.dropFirst(completion.count)) }
        let kinds = ["vertex_ai-", "fireworks_ai-"]
        return kinds.first { word.hasPrefix($0) }.map { String($0.dropLast()) } ?? word
    }

    private static func isPrice(_ field: String) -> Bool {
        field.contains("cost") || field.hasSuffix("_pricing") || field.hasSuffix("_multiplier")
    }

    /// Whether the price of a field is one of the item that it is read as.
    private static func isUsable(_ field: String, mode: String) -> Bool {
        if field.hasSuffix("_per_second") { return mediaModes.contains(mode) }
        // A query is one kind of a call there, beside images and videos.
        return field != "input_cost_per_query" || mode != "embedding"
    }
}
