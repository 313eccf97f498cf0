import Testing
import TollgateCore

@testable import TollgateLedger

@Suite struct ReservationTokenTests {
    static let reservations = [
        Reservation(id: "1f-2", scopes: [], requests: 0, timeToLive: 1_000),
        Reservation(
            id: "00ffee-zz", scopes: ["user:alice", "tool:search", "tenant:é++ \"x\""], requests: 1, tokens: 7,
            inputTokens: 3,
            outputTokens: 4, cost: 9_000_000_000_000_000, timeToLive: 86_400_000, madeAt: 1_795_000_000_000),
        Reservation(
            id: String(repeating: "a", count: 64),
            scopes: (0..<16).map {
                "\(String(repeating: "k", count: 31))\("abcdefghijklmnop".dropFirst($0).first!):"
                    + String(repeating: "ü", count: 128)
            },
            requests: 1_000_000, timeToLive: 1_000),
        Reservation(
            id: "3-1", scopes: ["user:alice"], requests: 1, cost: 5, timeToLive: 1_000, onExpiry: .charge, madeAt: 7),
        Reservation(
            id: "3-2", scopes: ["user:alice"], traits: "Staff\n", requests: 1, timeToLive: 1_000, onExpiry: .release),
    ]

    private func expectSame(_ lhs: Reservation?, _ rhs: Reservation) {
        #expect(lhs?.hold == rhs.hold)
        #expect(lhs?.scopes == rhs.scopes)
        #expect(lhs?.requests == rhs.requests)
        #expect(lhs?.madeAt == rhs.madeAt)
        #expect(lhs?.timeToLive == rhs.timeToLive)
        #expect(lhs?.onExpiry == rhs.onExpiry)
        #expect(lhs?.traits == rhs.traits)
    }

    @Test("a reservation is decoded from its token, which is plain text of a bounded length", arguments: 0..<5)
    func roundTrip(index: Int) {
        let reservation = Self.reservations[index]
        let token = reservation.text
        expectSame(Reservation(text: token), reservation)
        #expect(token.utf8.allSatisfy { (0x30...0x7a).contains($0) || $0 == UInt8(ascii: "-") })
        #expect(token.utf8.count <= 16_384)
    }

    @Test("a truncated or extended token is invalid")
    func damaged() {
        let token = Self.reservations[1].text
        for length in 0..<token.count { #expect(Reservation(text: String(token.prefix(length))) == nil) }
        for end in ["A", "AA", "AAAA", "=", " "] { #expect(Reservation(text: token + end) == nil) }
    }

    @Test("a token that no RESERVE returns is invalid")
    func forged() {
        func token(_ scopes: [String], ttl: Int64 = 60_000, madeAt: Int64 = 1_795_000_000_000) -> String {
            Reservation(id: "a-1", scopes: scopes, requests: 1, timeToLive: ttl, madeAt: madeAt).text
        }
        #expect(Reservation(text: token(["user:a"])) != nil)
        for scopes in [
            ["user:a", "user:a"], [""], ["user"], ["user:"], ["User:a"], ["user:a\tb"], ["tool:t+user:a"], ["user:a+b"],
        ] {
            #expect(Reservation(text: token(scopes)) == nil, "\(scopes)")
        }
        #expect(Reservation(text: token(["user:a"], ttl: 86_400_001)) == nil)
        #expect(Reservation(text: token(["user:a"], ttl: 999)) == nil)
        #expect(Reservation(text: token(["user:a"], madeAt: 9_007_199_254_740_991)) == nil)
    }

    @Test("no token causes a crash")
    func noise() {
        var random = SeededGenerator(seed: 5)
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        for _ in 0..<20_000 {
            var token = Array(Self.reservations[1].text)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                token[Int.random(in: 0..<token.count, using: &random)] = alphabet.randomElement(using: &random)!
            }
            guard let reservation = Reservation(text: String(token)) else { continue }
            #expect(reservation.scopes.count <= 16)
            expectSame(Reservation(text: reservation.text), reservation)
        }
    }

    // MARK: - Signatures

    private static let (mine, others) = (ReservationTokens.Key(), ReservationTokens.Key())

    private func tokens(_ keys: ReservationTokens.Key..., current: ReservationTokens.Key? = nil) -> ReservationTokens {
        var tokens = ReservationTokens()
        tokens.learn(keys.map(\.text), current: (current ?? keys.first)?.text)
        return tokens
    }

    @Test("a signed token is valid for ledgers with the key, and for no others", arguments: 0..<3)
    func signed(index: Int) throws {
        let reservation = Self.reservations[index]
        let token = tokens(Self.mine).token(of: reservation)
        #expect(token.utf8.count <= 16_384)
        expectSame(try tokens(Self.mine).reservation(token: token), reservation)
        expectSame(try tokens(Self.others, Self.mine).reservation(token: token), reservation)
        #expect(throws: ReservationTokens.Fault.unknownKey) { try tokens(Self.others).reservation(token: token) }
        #expect(throws: ReservationTokens.Fault.unknownKey) { try ReservationTokens().reservation(token: token) }
    }

    @Test("a token with a flipped bit is refused, signed or not")
    func everyBit() throws {
        for tokens in [tokens(Self.mine), ReservationTokens()] {
            let bytes = try #require(Base64URL.bytes(of: tokens.token(of: Self.reservations[1])))
            for bit in 0..<bytes.count * 8 {
                var turned = bytes
                turned[bit / 8] ^= 1 << UInt8(bit % 8)
                #expect(throws: ReservationTokens.Fault.self) {
                    try tokens.reservation(token: Base64URL.text(turned))
                }
            }
        }
    }

    @Test("an unsigned token names a reservation that exists nowhere and holds nothing")
    func unsigned() throws {
        let reservation = Self.reservations[1]
        let first = try ReservationTokens().reservation(token: ReservationTokens().token(of: reservation))
        let second = try tokens(Self.mine).reservation(token: ReservationTokens().token(of: reservation))
        #expect(first.id != second.id)
        for unsigned in [first, second] {
            #expect(unsigned.scopes == reservation.scopes)
            #expect(unsigned.madeAt == reservation.madeAt)
            #expect(unsigned.requests == 0)
            #expect(unsigned.cost == 0)
        }
    }

    @Test("a new current key signs, and earlier keys stay valid")
    func newKey() throws {
        var tokens = tokens(Self.mine)
        let token = tokens.token(of: Self.reservations[1])
        tokens.learn([Self.others.text], current: Self.others.text)
        #expect(throws: Never.self) { try tokens.reservation(token: token) }
        #expect(throws: Never.self) {
            try self.tokens(Self.others).reservation(token: tokens.token(of: Self.reservations[1]))
        }
        tokens.learn(["nonsense", String(repeating: "é", count: 32), ""], current: "nonsense")
        #expect(tokens.keys.count == 2)
    }
}
