import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import TollgateCore
import TollgateStores

/// POSTs JSON, once. Does not follow redirects: what was meant for one receiver, signature included, must not go to another, and
/// many clients make a GET of a POST that is sent elsewhere. Usable from any task.
struct WebSender: Sendable {
    /// Of an answer more is not read.
    private static let maxBytes = 64 << 10
    /// Nor for longer: the status says it all.
    private static let maxBodyLength = Duration.seconds(1)

    private let http: HTTPClient
    private let timing: Timing
    private let userAgent: String

    init(http: HTTPClient, timing: Timing, version: String) {
        self.http = http
        self.timing = timing
        userAgent = "tollgate/\(version)"
    }

    /// What a client for this has to be like.
    static func configuration(_ timing: Timing) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(
            connect: TimeAmount(timing.attempt), read: TimeAmount(timing.attempt), write: TimeAmount(timing.attempt))
        configuration.httpVersion = .http1Only
        // An attempt is one attempt: the next one comes when it is time.
        configuration.connectionPool.retryConnectionEstablishment = false
        // However many receivers name the same host: each makes one attempt at a time, and waits for no other.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = AlertReceiver.most
        return configuration
    }

    func post(_ body: String, to url: String, headers: [(String, String)]) async -> DeliveryOutcome {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.headers.add(name: "User-Agent", value: userAgent)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        request.body = .bytes(ByteBuffer(string: body))
        let deadline = ContinuousClock.now + timing.attempt
        do {
            let response = try await http.execute(request, timeout: TimeAmount(timing.attempt))
            await readBody(of: response, until: min(deadline, .now + Self.maxBodyLength))
            return outcome(of: response)
        } catch {
            return .failed(.init(sentence: FailureText.sentence(error, limit: timing.attempt)))
        }
    }

    /// Where it is short the connection can be used again. Nothing is done with it: it might hold secrets.
    private func readBody(of response: HTTPClientResponse, until deadline: ContinuousClock.Instant) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                var count = 0
                do {
                    for try await part in response.body {
                        count += part.readableBytes
                        if count > Self.maxBytes { return }
                    }
                } catch {
                    // The status was there; that is what counts.
                }
            }
            group.addTask { try? await Task.sleep(until: deadline) }
            await group.next()
            group.cancelAll()
        }
    }

    private func outcome(of response: HTTPClientResponse) -> DeliveryOutcome {
        let status = Int(response.status.code)
        switch status {
        case 200..<300: return .delivered
        case 300..<400: return .failed(.init(sentence: "status \(status): redirects are not followed"))
        default:
            return .failed(
                .init(
                    sentence: "status \(status)",
                    isPermanent: (400..<500).contains(status) && ![408, 425, 429].contains(status),
                    retryAfter: response.headers.first(name: "Retry-After").flatMap {
                        RetryAfter.duration($0, now: .now)
                    }))
        }
    }
}
