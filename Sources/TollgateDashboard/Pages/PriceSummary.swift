import TollgateCore
import TollgatePolicy
import TollgateServer

/// The prices in force, and the models without one that requests have named today.
struct PriceSummary {
    /// The maximum number of models that are listed.
    private static let maxModels = 100

    /// The policy with the prices of both files.
    let policy: Policy
    /// The number of prices in the policy file.
    let ownCount: Int
    /// The state of the price file.
    let file: InfoReport.PriceState
    /// The number of today's requests by model without a price.
    let unknownModels: [UnknownModels.Model: Int]
    let time: LocalTime
    /// Unix ms.
    let now: Int64

    var context: TemplateContext {
        let providers = policy.prices.providers.count
        var context: TemplateContext = [
            "isPriced": policy.pricing != nil, "count": Self.text(policy.prices.count, "price"),
            "providers": Self.text(providers, "provider"), "currency": policy.currency,
            "ownCount": NumberText.grouped(ownCount), "hasUnknown": !unknownModels.isEmpty,
            "models": models,
        ]
        context["file"] = file.file
        context["loaded"] = file.file.flatMap { _ in time.context(file.loadedAt, now: now) }
        context["problem"] = file.error
        let rest = unknownModels.count - Self.maxModels
        context["more"] = rest > 0 ? NumberText.grouped(rest) : nil
        context["rule"] = policy.pricing.map { Self.sentence($0.unknownModel) }
        return context
    }

    /// The models without a price, those of the most requests first.
    private var models: [TemplateContext] {
        let sorted = unknownModels.sorted { lhs, rhs in
            if lhs.value != rhs.value { return lhs.value > rhs.value }
            return (lhs.key.name, lhs.key.provider ?? "") < (rhs.key.name, rhs.key.provider ?? "")
        }
        return sorted.prefix(Self.maxModels).map { model in
            var context: TemplateContext = ["model": model.key.name, "requests": NumberText.grouped(model.value)]
            context["modelProvider"] = model.key.provider
            return context
        }
    }

    private static func text(_ count: Int, _ noun: String) -> String {
        "\(NumberText.grouped(count)) \(noun)\(count == 1 ? "" : "s")"
    }

    /// What happens to requests with a model that has no price.
    private static func sentence(_ rule: UnknownModelRule) -> String {
        switch rule {
        case .warn: "Requests with such a model count without its cost, and the reply says so."
        case .refuse: "Requests with such a model are denied. Usage that is reported counts without its cost."
        case .price(let price):
            "Requests with such a model have the price of unknown_model: "
                + ModelPrice.Item.allCases.compactMap { item in
                    price.rates[item].map { "\(item.rawValue.replacing("_", with: " ")) \($0)" }
                }.joined(separator: ", ") + "."
        }
    }
}
