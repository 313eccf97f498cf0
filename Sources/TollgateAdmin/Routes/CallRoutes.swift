import HTTPTypes
import Hummingbird
import NIOCore
import TollgateCore
import TollgateServer
import TollgateWire

/// The routes of the protocol's verbs, such as `/v1/check`, for callers that only have HTTP.
struct CallRoutes {
    let api: AdminAPI

    var routes: [Route] {
        [Verb.check, .peek, .reserve, .record, .refund, .commit, .cancel].map { verb in
            Route(.post, "/v1/\(verb.name.lowercased())", .call) { try await answer(verb, $0) }
        }
    }

    private func answer(_ verb: Verb, _ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        let line = try CallRequest(verb: verb, kinds: api.knownKinds, moneyUnit: api.moneyUnit).line(
            try await request.json())
        let reply = await api.server.reply(to: line)
        let parsed = reply.utf8.withContiguousStorageIfAvailable { bytes in
            Result { try ReplyParser.parse(UnsafeRawBufferPointer(bytes)) }
        }
        switch try parsed?.get() {
        case .decision(let decision): return self.response(decision)
        case .ok(let fields): return .json(ReceiptView(verb, fields))
        case .error(let code, let sentence): throw Problem(code: code, sentence: sentence)
        case .pong, .json, .alert, nil: throw Problem(.internal, "unexpected reply to \(verb.name)")
        }
    }

    private func response(_ decision: Decision) -> Response {
        var response = decision.allowed ? Response.json(DecisionView(decision)) : DenialProblem(decision).response
        RateLimitFields(decision, moneyUnit: api.moneyUnit)?.add(to: &response.headers)
        return response
    }
}
