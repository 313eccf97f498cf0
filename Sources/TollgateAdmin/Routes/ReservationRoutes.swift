import Foundation
import Hummingbird
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateServer
import TollgateStores
import TollgateWire

/// The routes under `/v1/scopes/{scope}/reservations`: open reservations, and cancelling them.
struct ReservationRoutes {
    let api: AdminAPI

    var routes: [Route] {
        [
            Route(.get, "/v1/scopes/{scope}/reservations", .read, list),
            Route(.delete, "/v1/scopes/{scope}/reservations/{id}", .administer, cancel),
        ]
    }

    private struct HoldView: Encodable {
        var hold: OpenHold
        /// Redis's time as Unix time in milliseconds.
        var now: Int64
        var moneyUnit: MoneyUnit

        enum CodingKeys: String, CodingKey {
            case id, scopes, held
            case madeAt = "made_at"
            case ageSeconds = "age_seconds"
            case endsAt = "ends_at"
            case onExpiry = "on_expiry"
        }

        /// What happens to the parts of the hold at its end.
        private struct Expiry: Encodable {
            var tokens: String
            var cost: String

            init(_ charge: ChargedParts) {
                func rule(_ isCharged: Bool) -> String { (isCharged ? ExpiryRule.charge : .release).rawValue }
                (tokens, cost) = (rule(charge.tokens), rule(charge.cost))
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(hold.id, forKey: .id)
            try container.encode(hold.scopes, forKey: .scopes)
            try container.encode(Instant.text(milliseconds: hold.madeAt), forKey: .madeAt)
            try container.encode(max(now - hold.madeAt, 0) / 1_000, forKey: .ageSeconds)
            try container.encode(Instant.text(milliseconds: hold.endsAt), forKey: .endsAt)
            try container.encodeIfPresent(hold.charge.map(Expiry.init), forKey: .onExpiry)
            let amounts = [Meter.tokens, .inputTokens, .outputTokens, .cost].map { meter in
                (meter.name, AmountJSON(meter, hold.amounts[meter] ?? 0, in: moneyUnit))
            }
            try container.encode(Dictionary(uniqueKeysWithValues: amounts), forKey: .held)
        }
    }

    private func list(_ request: AdminRequest) async throws -> Response {
        let query = try request.query("cursor", "limit")
        let scope = api.folded(try request.scope())
        let now = await api.server.redisTime
        let page = try await api.stores.reservations.open(
            of: scope, at: now, after: query.cursor, atMost: try query.limit())
        return .json(
            PageView(items: page.items.map { HoldView(hold: $0, now: now, moneyUnit: api.moneyUnit) }, next: page.next))
    }

    private func cancel(_ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        let scope = api.folded(try request.scope())
        let id = try request.parameter("id")
        let stores = api.stores
        let now = await api.server.redisTime
        let notFound = Problem.notFound("\(id.prefix(64)): \(scope) has no such open reservation")
        guard let hold = try await stores.reservations.find(id, of: scope, at: now) else { throw notFound }
        let reply = await api.server.cancel(hold)
        let parsed = reply.utf8.withContiguousStorageIfAvailable { bytes in
            Result { try ReplyParser.parse(UnsafeRawBufferPointer(bytes)) }
        }
        switch try parsed?.get() {
        case .ok(let fields) where fields.contains(where: { $0.key == "duplicate" }): throw notFound
        case .ok: break
        case .error(let code, let sentence): throw Problem(code: code, sentence: sentence)
        default: throw Problem(.internal, "unexpected reply to CANCEL")
        }
        // The reservation is cancelled, so later failures are ignored.
        let before = try CanonicalJSON.text(HoldView(hold: hold, now: now, moneyUnit: api.moneyUnit))
        try? await stores.policy.auditLog.append(
            "reservation.cancel", scope.description, before: before, after: "null", by: request.author)
        return .noContent
    }
}
