import Testing
import TollgateCore

@testable import TollgateLedger

@Suite struct ReservationTokenTests {
    static let reservations = [
        Reservation(id: "1f-2", scopes: [], hits: 0, timeToLive: 1_000),
        Reservation(
            id: "00ffee-zz", scopes: ["user:alice", "tool:search", "tenant:é++ \"x\""], hits: 1, tokens: 7,
            inputTokens: 3,
            outputTokens: 4, cost: 9_000_000_000_000_000, timeToLive: 86_400_000, madeAt: 1_795_000_000_000),
        Reservation(
            id: String(repeating: "a", count: 64),
            scopes: (0..<16).map {
                "\(String(repeating: "k", count: 31))\("abcdefghijklmnop".dropFirst($0).first!):"
                    + String(repeating: "ü", count: 128)
            },
            hits: 1_000_000, timeToLive: 1_000),
    ]

    private func expectSame(_ lhs: Reservation?, _ rhs: Reservation) {
        #expect(lhs?.hold == rhs.hold)
        #expect(lhs?.scopes == rhs.scopes)
        #expect(lhs?.hits == rhs.hits)
        #expect(lhs?.madeAt == rhs.madeAt)
        #expect(lhs?.timeToLive == rhs.timeToLive)
    }

    @Test("a reservation is read back from its token, which is plain text of a bounded length", arguments: 0..<3)
    func roundTrip(index: Int) {
        let reservation = Self.reservations[index]
        let token = reservation.token
        expectSame(Reservation(token: token), reservation)
        #expect(token.utf8.allSatisfy { (0x30...0x7a).contains($0) || $0 == UInt8(ascii: "-") })
        #expect(token.utf8.count <= 16_384)
    }

    @Test("a token that was cut or lengthened is none")
    func damaged() {
        let token = Self.reservations[1].token
        for length in 0..<token.count { #expect(Reservation(token: String(token.prefix(length))) == nil) }
        for end in ["A", "AA", "AAAA", "=", " "] { #expect(Reservation(token: token + end) == nil) }
    }

    @Test("a token that no RESERVE would have made is none")
    func forged() {
        func token(_ scopes: [String], ttl: Int64 = 60_000, madeAt: Int64 = 1_795_000_000_000) -> String {
            Reservation(id: "a-1", scopes: scopes, hits: 1, timeToLive: ttl, madeAt: madeAt).token
        }
        #expect(Reservation(token: token(["user:a"])) != nil)
        for scopes in [
            ["user:a", "user:a"], [""], ["user"], ["user:"], ["User:a"], ["user:a\tb"], ["tool:t+user:a"], ["user:a+b"],
        ] {
            #expect(Reservation(token: token(scopes)) == nil, "\(scopes)")
        }
        #expect(Reservation(token: token(["user:a"], ttl: 86_400_001)) == nil)
        #expect(Reservation(token: token(["user:a"], ttl: 999)) == nil)
        #expect(Reservation(token: token(["user:a"], madeAt: 9_007_199_254_740_991)) == nil)
    }

    @Test("nothing that comes as a token crashes")
    func noise() {
        var random = SeededGenerator(seed: 5)
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        for _ in 0..<20_000 {
            var token = Array(Self.reservations[1].token)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                token[Int.random(in: 0..<token.count, using: &random)] = alphabet.randomElement(using: &random)!
            }
            guard let reservation = Reservation(token: String(token)) else { continue }
            #expect(reservation.scopes.count <= 16)
            expectSame(Reservation(token: reservation.token), reservation)
        }
    }
}
