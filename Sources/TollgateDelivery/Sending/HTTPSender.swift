import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import TollgateCore
import TollgateStores

/// Makes one POST request with a JSON body. It can be used from any task.
///
/// It does not follow redirects: the request and its signature are meant for one receiver only, and many clients turn a
/// redirected POST into a GET.
struct HTTPSender: Sendable {
    /// The maximum number of bytes read of a response's body.
    private static let maxBodyBytes = 64 << 10
    /// The maximum time to read a response's body. The status alone decides the outcome.
    private static let maxBodyTime = Duration.seconds(1)

    private let http: HTTPClient
    private let timing: Timing
    private let userAgent: String

    init(http: HTTPClient, timing: Timing, version: String) {
        self.http = http
        self.timing = timing
        userAgent = "tollgate/\(version)"
    }

    /// The configuration of the client to be used.
    static func configuration(_ timing: Timing) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(
            connect: TimeAmount(timing.attempt), read: TimeAmount(timing.attempt), write: TimeAmount(timing.attempt))
        configuration.httpVersion = .http1Only
        // Retries are scheduled by RetryRule.
        configuration.connectionPool.retryConnectionEstablishment = false
        // Each receiver makes one attempt at a time. It must not wait for others with the same host.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = AlertReceiver.maxReceivers
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
            await readBody(of: response, until: min(deadline, .now + Self.maxBodyTime))
            return outcome(of: response)
        } catch {
            return .failed(.init(sentence: FailureText.sentence(error, limit: timing.attempt)))
        }
    }

    /// Reads a short body, so that the connection can be reused. Discards it, because it may contain secrets.
    private func readBody(of response: HTTPClientResponse, until deadline: ContinuousClock.Instant) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                var count = 0
                do {
                    for try await part in response.body {
                        count += part.readableBytes
                        if count > Self.maxBodyBytes { return }
                    }
                } catch {
                    // The status has been received, and decides the outcome.
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
        case 200..<300: return .delivered(status: status)
        case 300..<400: return .failed(.init(sentence: "status \(status): redirects are not followed", status: status))
        default:
            return .failed(
                .init(
                    sentence: "status \(status)",
                    isPermanent: (400..<500).contains(status) && ![408, 425, 429].contains(status),
                    retryAfter: response.headers.first(name: "Retry-After").flatMap {
                        RetryAfter.duration($0, now: Int64(Date.now.timeIntervalSince1970))
                    }, status: status))
        }
    }
}
