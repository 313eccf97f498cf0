import Foundation
package import NIOCore
package import NIOPosix
import Synchronization

/// A server on a free port of 127.0.0.1 with the usage APIs of Anthropic, OpenAI, OpenRouter and GitHub, and with faults.
/// The test owns it and calls `stop()`.
package final class FakeProvider: Sendable {
    private struct State {
        var books: FakeBooks
        var requests: [FakeRequest] = []
        var faults: [Fault] = []
        var pageNumber = 0
    }

    private struct Fault {
        var fault: FakeFault
        var path: String
        var remaining: Int
    }

    /// The only credential that the server accepts.
    package static let credential = "sk-fake-admin-Zk3vB8qLw1Xy7Np5"

    private let state: Mutex<State>
    private let listener = Mutex<(any Channel)?>(nil)
    private let children = Mutex<[any Channel]>([])

    private init(_ books: FakeBooks) {
        state = Mutex(State(books: books))
    }

    /// Starts a server.
    package static func start(
        _ books: FakeBooks, on group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws -> FakeProvider {
        let provider = FakeProvider(books)
        let listener = try await FakeServer.listen(on: group) { channel in
            provider.children.withLock { $0.append(channel) }
        } answer: { request in
            provider.reply(to: request)
        }
        provider.listener.withLock { $0 = listener }
        return provider
    }

    /// Runs the body with a server that is stopped afterwards.
    package static func with<Result>(
        _ books: FakeBooks, isolation: isolated (any Actor)? = #isolation, _ body: (FakeProvider) async throws -> Result
    ) async throws -> Result {
        let provider = try await start(books)
        do {
            let result = try await body(provider)
            await provider.stop()
            return result
        } catch {
            await provider.stop()
            throw error
        }
    }

    package func stop() async {
        try? await listener.withLock { $0.take() }?.close()
        for child in children.withLock({ $0 }) { try? await child.close() }
    }

    /// The address, without a slash at the end.
    package var url: String { "http://127.0.0.1:\(listener.withLock { $0?.localAddress?.port } ?? 0)" }

    /// The requests so far.
    package var requests: [FakeRequest] { state.withLock { $0.requests } }

    /// Changes what the server reports.
    package func change(_ change: (inout FakeBooks) -> Void) {
        state.withLock { change(&$0.books) }
    }

    /// Lets requests fail. Earlier faults go first.
    ///
    /// - Parameters:
    ///   - path: The beginning of the paths of the requests.
    ///   - times: The number of requests.
    package func fail(_ fault: FakeFault, on path: String = "/", times: Int = .max) {
        state.withLock { $0.faults.append(Fault(fault: fault, path: path, remaining: times)) }
    }

    /// Removes all faults.
    package func heal() {
        state.withLock { $0.faults = [] }
    }

    private func reply(to request: FakeRequest) -> FakeServer.Reply {
        let (books, fault, number) = state.withLock { state -> (FakeBooks, FakeFault?, Int) in
            state.requests.append(request)
            state.pageNumber += 1
            var fault: FakeFault?
            if let index = state.faults.firstIndex(where: { request.path.hasPrefix($0.path) }) {
                fault = state.faults[index].fault
                state.faults[index].remaining -= 1
                if state.faults[index].remaining <= 0 { state.faults.remove(at: index) }
            }
            return (state.books, fault, state.pageNumber)
        }
        switch fault {
        case .hang: return .silence
        case .hangInBody: return .part(answer(request, books), closes: false)
        case .cut: return .part(answer(request, books), closes: true)
        case .body(let text): return .whole(FakeAnswer(body: text))
        case .response(let status, let headers, let body):
            return .whole(FakeAnswer(status: status, headers: headers, body: body))
        case .status(let status, let retryAfter, let message):
            let headers = retryAfter.map { [("retry-after", $0)] } ?? []
            return .whole(FakeAnswer(status: status, headers: headers, body: error(request, status, message)))
        case .oversized(let bytes): return .stream(bytes: bytes)
        case .samePage: return .whole(paged(request, books, cursor: "same"))
        case .endlessPages: return .whole(paged(request, books, cursor: "page \(number)"))
        case nil: return .whole(answer(request, books))
        }
    }

    private func error(_ request: FakeRequest, _ status: Int, _ message: String) -> String {
        if request.path.hasPrefix("/v1/organizations/") { return FakeAnthropic.error(status, message) }
        if request.path.hasPrefix("/v1/") { return FakeOpenAI.error(status, message) }
        return FakeQuotas.error(request.path, status, message)
    }

    private func answer(_ request: FakeRequest, _ books: FakeBooks) -> FakeAnswer {
        do throws(FakeRefusal) {
            if request.path.hasPrefix("/v1/organizations/") {
                try FakeAnthropic.authorize(request, credential: Self.credential)
            } else {
                try FakeOpenAI.authorize(request, credential: Self.credential)
            }
            if let answer = try FakeAnthropic.answer(request, books) { return answer }
            if let answer = try FakeOpenAI.answer(request, books) { return answer }
            if let answer = try FakeQuotas.answer(request, books) { return answer }
            throw FakeRefusal(status: 404, message: "Not Found")
        } catch {
            let headers = error.status == 400 ? [] : [("request-id", "req_1")]
            return FakeAnswer(
                status: error.status, headers: headers, body: self.error(request, error.status, error.message))
        }
    }

    /// A page without buckets that names another page.
    private func paged(_ request: FakeRequest, _ books: FakeBooks, cursor: String) -> FakeAnswer {
        FakeAnswer(
            body: """
                {"object":"page","data":[],"has_more":true,"next_page":\(FakeAnswer.json(FakeReport.cursor(cursor)))}
                """)
    }
}
