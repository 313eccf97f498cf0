import NIOCore
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateWire

/// Computes the costs of requests that name a model and no cost. Owned by one event loop.
final class Pricer {
    /// The price of a request, for its reply.
    struct Price {
        /// The cost in the unit of the policy; nil if nothing in the request has a known price.
        var cost: Int64?
        /// The model and the provider, if the price of the model or of an item is not known.
        var unknown: UnknownModels.Model?
    }

    /// What happens to a request.
    enum Outcome {
        /// The request is carried out as it is: nothing in it has a price.
        case unpriced
        /// The request is carried out with the cost, and its reply states the price.
        case priced(Price)
        /// The request is denied: the price of its model is not known.
        case denied(UnknownModels.Model)
        /// The request is refused.
        case refused(RequestError)
    }

    private let pricing: Pricing
    private let unit: MoneyUnit
    private let foldsModels: Bool
    private let foldsProviders: Bool

    /// - Parameter folded: The kinds whose ids are compared in lower case.
    init(_ pricing: Pricing, unit: MoneyUnit, folded: Set<String>) {
        self.pricing = pricing
        self.unit = unit
        foldsModels = folded.contains("model")
        foldsProviders = folded.contains("provider")
    }

    /// Whether a request names a model.
    static func namesModel(_ request: borrowing Request) -> Bool {
        id(of: "model:", request.scopes, request.bytes) != nil
    }

    /// Returns the price of a request with these scopes.
    ///
    /// - Parameters:
    ///   - amounts: The amounts of the request, without a cost.
    ///   - named: The scopes of the request that take precedence over `fields`, and their bytes.
    ///   - time: The time of the usage, Unix ms by Redis's clock.
    func price(
        _ amounts: Amounts, _ fields: [Request.ScopeField], _ bytes: GrowingBytes,
        named: (fields: [Request.ScopeField], bytes: GrowingBytes)? = nil, at time: Int64, isDecision: Bool
    ) -> Outcome {
        func id(of kind: StaticString, folds: Bool) -> String? {
            let id = named.flatMap { Self.id(of: kind, $0.fields, $0.bytes) } ?? Self.id(of: kind, fields, bytes)
            // The names of a COMMIT are no scopes, which are folded before.
            return folds ? id.map { ScopeID.lowercased($0) } : id
        }
        guard let model = id(of: "model:", folds: foldsModels) else { return .unpriced }
        let provider = id(of: "provider:", folds: foldsProviders)
        func unknown() -> UnknownModels.Model { UnknownModels.Model(name: model, provider: provider) }
        switch pricing.outcome(
            of: amounts, model: model, provider: provider, at: time, isDecision: isDecision, in: unit)
        {
        case .nothing: return .unpriced
        case .cost(let cost): return .priced(Price(cost: cost))
        case .unknown(let cost): return .priced(Price(cost: cost, unknown: unknown()))
        case .refused: return .denied(unknown())
        case .tooLarge:
            let max = unit.text(Meter.cost.maxAmount)
            return .refused(RequestError(.badRequest, "cost: by the prices, this call costs more than \(max)"))
        }
    }

    /// Returns the id of the scope of a kind. `prefix` is the kind and a colon.
    private static func id(
        of prefix: StaticString, _ fields: [Request.ScopeField], _ bytes: GrowingBytes
    ) -> String? {
        let length = prefix.utf8CodeUnitCount
        return bytes.withBytes { bytes in
            for field in fields where field.kind.count == length - 1 {
                let isPrefix = bytes[field.text.lowerBound..<field.text.lowerBound + length].elementsEqual(
                    UnsafeRawBufferPointer(start: prefix.utf8Start, count: length))
                guard isPrefix else { continue }
                let id = String(decoding: UnsafeRawBufferPointer(rebasing: bytes[field.id]), as: UTF8.self)
                // Scopes double the plus signs of their ids.
                return id.utf8.contains(UInt8(ascii: "+")) ? id.replacing("++", with: "+") : id
            }
            return nil
        }
    }
}

/// The receiver of the answer to an operation whose cost was computed. Adds the price to the reply. Lives on its
/// worker's event loop until the ledger has answered.
final class PricedCall<Handler: RequestHandler>: OperationDelegate {
    private let handler: Handler
    private let price: Pricer.Price

    init(_ handler: Handler, _ price: Pricer.Price) {
        self.handler = handler
        self.price = price
    }

    func ledgerAnswered(ticket: Int, with answer: borrowing Answer) {
        if answer.counts, let model = price.unknown { handler.worker.unknownModels.note(model) }
        handler.answer(ticket, with: answer, price)
    }

    func ledgerFailed(ticket: Int, of operation: FailedOperation, with failure: LedgerFailure) {
        if let model = price.unknown { handler.worker.unknownModels.note(model) }
        handler.fail(ticket, of: operation, with: failure, price)
    }
}

extension Answer {
    /// Whether the operation was carried out now, and not before.
    fileprivate var counts: Bool { outcome != .duplicate && outcome != .conflict }
}
