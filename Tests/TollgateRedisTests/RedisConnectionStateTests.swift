import Testing

@testable import TollgateRedis

@Suite("The life of a connection")
struct RedisConnectionStateTests {
    typealias Action = RedisConnectionState.Action

    private func connecting() -> RedisConnectionState {
        var state = RedisConnectionState()
        _ = state.start()
        return state
    }

    private func handshaking() -> RedisConnectionState {
        var state = connecting()
        _ = state.connected()
        return state
    }

    private func ready() -> RedisConnectionState {
        var state = handshaking()
        _ = state.handshakeProgressed(.complete, jitter: 1)
        return state
    }

    private func backingOff() -> RedisConnectionState {
        var state = connecting()
        _ = state.connectFailed("refused", jitter: 1)
        return state
    }

    private func closed() -> RedisConnectionState {
        var state = RedisConnectionState()
        _ = state.shutdown()
        return state
    }

    @Test("connect, shake hands, be ready")
    func straight() {
        var state = RedisConnectionState()
        #expect(state.status == .idle)
        #expect(state.start() == [.connect])
        #expect(state.status == .connecting)
        #expect(state.connected() == [.sendHandshake])
        #expect(state.handshakeProgressed(.underWay, jitter: 1) == [])
        #expect(state.status == .connecting)
        #expect(state.handshakeProgressed(.complete, jitter: 1) == [.becomeReady])
        #expect(state.status == .ready)
    }

    @Test("starting twice is starting once")
    func startTwice() {
        var state = connecting()
        #expect(state.start() == [])
    }

    @Test("attempts that fail are repeated with growing waits, at most 1 s")
    func growing() {
        var state = connecting()
        var waits: [Action] = []
        for _ in 0..<8 {
            waits += state.connectFailed("refused", jitter: 1)
            #expect(state.status == .down(reason: "refused"))
            #expect(state.retryElapsed() == [.connect])
            #expect(state.status == .down(reason: "refused"), "the reason stands until the connection does")
        }
        #expect(
            waits == [50, 100, 200, 400, 800, 1_000, 1_000, 1_000].map { .scheduleRetry(after: .milliseconds($0)) })
    }

    @Test("the wait is the given share of the whole one")
    func jitter() {
        var state = connecting()
        #expect(state.connectFailed("refused", jitter: 0.5) == [.scheduleRetry(after: .milliseconds(25))])
    }

    @Test("a loss while ready fails those who wait, after the retry is set")
    func lossWhileReady() {
        var state = ready()
        #expect(
            state.lost("reset", jitter: 1)
                == [.scheduleRetry(after: .milliseconds(50)), .failPending(reason: "reset")])
        #expect(state.status == .down(reason: "reset"))
    }

    @Test("a connection is dropped once")
    func dropping() {
        var state = ready()
        let actions = state.drop("late", jitter: 1)
        #expect(
            actions == [.closeChannel, .scheduleRetry(after: .milliseconds(50)), .failPending(reason: "late")])
        #expect(state.drop("late", jitter: 1) == [])
        #expect(state.lost("closed", jitter: 1) == [])
    }

    @Test("being let in does not shorten the waits; serving does")
    func proof() {
        var state = ready()
        _ = state.drop("READONLY", jitter: 1)
        _ = state.retryElapsed()
        _ = state.connected()
        _ = state.handshakeProgressed(.complete, jitter: 1)
        #expect(state.drop("READONLY", jitter: 1).contains(.scheduleRetry(after: .milliseconds(100))))
        _ = state.retryElapsed()
        _ = state.connected()
        _ = state.handshakeProgressed(.complete, jitter: 1)
        state.served()
        #expect(state.drop("late", jitter: 1).contains(.scheduleRetry(after: .milliseconds(50))))
    }

    @Test("a loss, a silence and a passing refusal during the handshake are retried")
    func handshakeTroubles() {
        var state = handshaking()
        #expect(state.lost("reset", jitter: 1) == [.scheduleRetry(after: .milliseconds(50))])
        state = handshaking()
        #expect(state.handshakeTimedOut(jitter: 1) == [.closeChannel, .scheduleRetry(after: .milliseconds(50))])
        #expect(state.status == .down(reason: "no answer to the handshake"))
        state = handshaking()
        let loading = RedisOutage("PING: LOADING Redis is loading")
        #expect(
            state.handshakeProgressed(.refused(loading), jitter: 1)
                == [.closeChannel, .scheduleRetry(after: .milliseconds(50))])
        #expect(state.status == .down(reason: "PING: LOADING Redis is loading"))
    }

    @Test("wrong credentials are told apart and retried at the longest wait, without jitter")
    func credentials() {
        var state = handshaking()
        let outage = RedisOutage("AUTH: WRONGPASS", isRefusal: true)
        #expect(
            state.handshakeProgressed(.refused(outage), jitter: 0) == [
                .closeChannel, .scheduleRetry(after: .seconds(1)),
            ])
        #expect(state.status == .refused(reason: "AUTH: WRONGPASS"))
    }

    @Test("shut down from every phase, it finishes exactly once")
    func shutdown() {
        var state = RedisConnectionState()
        #expect(state.shutdown() == [.finish])
        state = backingOff()
        #expect(state.shutdown() == [.cancelRetry, .finish])
        state = handshaking()
        #expect(state.shutdown() == [.closeChannel, .failPending(reason: "shutting down")])
        #expect(state.channelClosed() == [.finish])
        state = ready()
        #expect(state.shutdown() == [.closeChannel, .failPending(reason: "shutting down")])
        #expect(state.shutdown() == [])
        #expect(state.lost("closed", jitter: 1) == [])
        #expect(state.channelClosed() == [.finish])
        #expect(state.channelClosed() == [])
        #expect(state.status == .closed)
    }

    @Test("shut down while connecting, it waits for the attempt to end either way")
    func shutdownWhileConnecting() {
        var state = connecting()
        #expect(state.shutdown() == [])
        #expect(state.connectFailed("refused", jitter: 1) == [.finish])
        state = connecting()
        _ = state.shutdown()
        #expect(state.connected() == [.closeChannel])
        #expect(state.channelClosed() == [.finish])
    }

    @Test("events that come too late change nothing")
    func late() {
        for state in [backingOff(), closed(), RedisConnectionState()] {
            var after = state
            #expect(after.lost("closed", jitter: 1) == [])
            #expect(after.drop("late", jitter: 1) == [])
            #expect(after.handshakeTimedOut(jitter: 1) == [])
            #expect(after.handshakeProgressed(.complete, jitter: 1) == [])
            #expect(after.channelClosed() == [])
            #expect(after.connectFailed("refused", jitter: 1) == [])
            #expect(after.phase == state.phase)
        }
        var ready = ready()
        #expect(ready.retryElapsed() == [])
        #expect(ready.handshakeTimedOut(jitter: 1) == [])
        #expect(ready.status == .ready)
        var closed = closed()
        #expect(closed.start() == [])
        #expect(closed.retryElapsed() == [])
    }
}
