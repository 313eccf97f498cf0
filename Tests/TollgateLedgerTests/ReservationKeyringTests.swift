import Logging
import NIOCore
import NIOPosix
import Testing
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger

@Suite struct ReservationKeyringTests {
    @Test("a Redis that rejects the login is no outage when the keys of tokens are read")
    func refused() async throws {
        let redis = try TestRedis(password: "secret")
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let address = RedisAddress(unixSocket: redis.socketPath)
        let ledger = try await eventLoop.submit {
            let link = RedisLink(
                address: address, eventLoop: eventLoop, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let ledger = Ledger(
                link: link, eventLoop: eventLoop, keySpace: KeySpace(namespace: "tollgate"), deadline: .seconds(5))
            link.start()
            return NIOLoopBound(ledger, eventLoop: eventLoop)
        }.get()
        try await eventually {
            try await eventLoop.submit { if case .refused = ledger.value.link.status { true } else { false } }.get()
        }
        let failure = try await eventLoop.flatSubmit {
            let promise = eventLoop.makePromise(of: LedgerFailure?.self)
            ledger.value.keyring.read { promise.succeed($0) }
            return promise.futureResult
        }.get()
        guard case .refused? = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        try await eventLoop.flatSubmit { ledger.value.link.shutdown() }.get()
    }
}
