/**
 * Addresses as text. Inside this room an address is `/ip4/<ip>/tcp/<port>` or `/ip6/<ip>/tcp/<port>`, without the peer
 * id; whatever does not reduce to that (names, relays, port 0, unspecified hosts) is nothing one could dial.
 */
import {
  CODE_IP4,
  CODE_IP6,
  CODE_P2P,
  CODE_TCP,
  multiaddr,
  type Component,
  type Multiaddr,
} from "@multiformats/multiaddr";
import type { PeerName } from "../../core/ports.ts";

const unspecified = new Set(["0.0.0.0", "::"]);

/** Undefined for text that is no multiaddr. */
export function parseAddress(text: string): Multiaddr | undefined {
  try {
    return multiaddr(text);
  } catch {
    return undefined; // the parser has no other way to say no
  }
}

/** The address without its peer id, or undefined when it is not plain TCP over IP. */
export function bareAddress(address: Multiaddr): string | undefined {
  const [host, transport, peer, ...rest] = address.getComponents();
  if (!isHost(host) || transport?.code !== CODE_TCP || rest.length > 0) return undefined;
  if (peer !== undefined && peer.code !== CODE_P2P) return undefined;
  const port = Number(transport.value);
  if (port === 0 || unspecified.has(host.value)) return undefined;
  return addressAt(host.value, port);
}

function isHost(component: Component | undefined): component is Component & { value: string } {
  const isIp = component?.code === CODE_IP4 || component?.code === CODE_IP6;
  return isIp && component.value !== undefined;
}

export function addressAt(ip: string, port: number): string {
  return `/${ip.includes(":") ? "ip6" : "ip4"}/${ip}/tcp/${port}`;
}

/** The peer id at the end of an address. */
export function peerIn(address: Multiaddr): PeerName | undefined {
  return address.getComponents().findLast((component) => component.code === CODE_P2P)?.value;
}

/** Of a bare address. */
export function ipOf(address: string): string {
  return address.split("/")[2] ?? "";
}

/** Of a bare address. */
export function portOf(address: string): number {
  return Number(address.split("/")[4]);
}

export function isLoopback(ip: string): boolean {
  return ip.startsWith("127.") || ip === "::1";
}

/** The IPs of listen addresses, unspecified ones included. */
export function listenIps(listen: readonly string[]): string[] {
  const ips = listen.flatMap((text) => {
    const host = parseAddress(text)?.getComponents()[0];
    return isHost(host) ? [host.value] : [];
  });
  return [...new Set(ips)];
}

/** An IP of this machine at which a listener on the given one is reached from here. */
export function reachableIp(ip: string): string {
  if (!unspecified.has(ip)) return ip;
  return ip.includes(":") ? "::1" : "127.0.0.1";
}
