import Hummingbird
import TollgateCore
import TollgatePolicy
import TollgateServer

/// The route `/v1/prices`: the prices in force, and the models without one that requests have named.
struct PriceRoutes {
    let api: AdminAPI

    var routes: [Route] { [Route(.get, "/v1/prices", .read, list)] }

    /// The body of the response.
    private struct PriceList: Encodable {
        /// A model without a price.
        struct UnknownModel: Encodable {
            var model: String
            var provider: String?
            var requests: Int

            private enum CodingKeys: CodingKey { case model, provider, requests }

            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: CodingKeys.self)
                try container.encode(model, forKey: .model)
                try container.encode(provider, forKey: .provider)
                try container.encode(requests, forKey: .requests)
            }
        }

        var currency: String
        var unknownModel: UnknownModelRule?
        var prices: PriceTable
        var unknownModels: [UnknownModel]

        private enum CodingKeys: String, CodingKey {
            case currency, prices
            case unknownModel = "unknown_model"
            case unknownModels = "unknown_models"
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(currency, forKey: .currency)
            try container.encode(unknownModel, forKey: .unknownModel)
            try container.encode(prices, forKey: .prices)
            try container.encode(unknownModels, forKey: .unknownModels)
        }
    }

    private func list(_ request: AdminRequest) async throws -> Response {
        let query = try request.query("provider", "model")
        for key in ["provider", "model"] {
            guard let text = query[key] else { continue }
            guard (1...ScopeID.maxLength).contains(text.utf8.count) else {
                throw Problem.badRequest("\(key): expected 1 to \(ScopeID.maxLength) bytes")
            }
        }
        let policy = api.server.policies.effective
        let models = api.server.unknownModels.models.map {
            PriceList.UnknownModel(model: $0.key.name, provider: $0.key.provider, requests: $0.value)
        }
        return .json(
            PriceList(
                currency: policy.currency, unknownModel: policy.pricing?.unknownModel,
                prices: policy.prices.filtered(provider: query["provider"], model: query["model"]),
                unknownModels: models.sorted { ($0.model, $0.provider ?? "") < ($1.model, $1.provider ?? "") }))
    }
}
