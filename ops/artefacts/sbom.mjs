/**
 * The SBOM (CycloneDX 1.5, JSON) of the packages that run, made from the lock: the same lock gives the same bytes.
 * `npm sbom --omit=dev` is not used: it leaves out what a development package needs too (npm 11.19: better-queue, uuid, semver).
 */
import { everyPackage, json, nameAt, resolved } from './lock.mjs';

/** `runs`: path in the lock → its entry. */
export function sbom({ name, version, license, description }, runs = everyPackage()) {
  const { packages } = json('npm-shrinkwrap.json');
  const root = refOf(name, version);
  const refAt = (path) => refOf(nameAt(path), packages[path].version);
  const needs = (path) =>
    Object.keys({ ...packages[path].dependencies, ...packages[path].optionalDependencies })
      .map((one) => resolved(packages, path, one))
      .filter((one) => runs.has(one));
  const isDirect = (path) => path === `node_modules/${nameAt(path)}` && nameAt(path) in directOf(packages['']);
  const edges = [
    [root, [...runs.keys()].filter(isDirect)],
    ...[...runs.keys()].map((path) => [refAt(path), needs(path)]),
  ];
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      component: { type: 'application', 'bom-ref': root, name, version, description, purl: root, ...licensed(license) },
    },
    components: [...runs].map(([path, { license, integrity, ...entry }]) => ({
      type: 'library',
      'bom-ref': refAt(path),
      name: nameAt(path),
      version: entry.version,
      scope: entry.os === undefined ? 'required' : 'optional',
      hashes: [{ alg: 'SHA-512', content: Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex') }],
      ...licensed(license),
      purl: refAt(path),
    })),
    dependencies: edges.map(([ref, paths]) => ({ ref, dependsOn: paths.map(refAt) })),
  };
}

const directOf = ({ dependencies, optionalDependencies }) => ({ ...dependencies, ...optionalDependencies });
const licensed = (id) => ({ licenses: [{ license: { id } }] });
/** The package URL, which names a package in both documents. */
const refOf = (name, version) => `pkg:npm/${name.replace(/^@/, '%40')}@${version}`;
