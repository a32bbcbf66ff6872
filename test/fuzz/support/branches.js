import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/**
 * Counts the branches of compiled files that were reached, from V8's block coverage: bodies of functions, both ways of conditions, right sides
 * of logical operators, cases, loops and catch clauses.
 *
 * @param scripts `{ path, functions }` of the runner under test
 * @returns for each parser its path, `{ reached, total }`, and the lines of those that were missed
 */
export function branchesOf(parsers, scripts, dist) {
  return parsers.map((path) => {
    const text = readFileSync(join(dist, path), 'utf8');
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
    const ranges = scripts
      .filter((script) => script.path === path)
      .flatMap(({ functions }) => functions.flatMap((one) => one.ranges));
    const starts = startsOf(file);
    const missed = starts.filter((start) => countAt(ranges, start) === 0);
    return {
      path,
      total: starts.length,
      reached: starts.length - missed.length,
      missed: missed.map((start) => file.getLineAndCharacterOfPosition(start).line + 1),
    };
  });
}

/** The count of the innermost range around a position. */
function countAt(ranges, position) {
  let innermost = { startOffset: -1, endOffset: Infinity, count: 0 };
  for (const range of ranges) {
    if (range.startOffset > position || range.endOffset <= position) continue;
    const { startOffset, endOffset } = innermost;
    if (range.endOffset - range.startOffset <= endOffset - startOffset) innermost = range;
  }
  return innermost.count;
}

const LOGICAL = [
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
];

/** Where each branch begins. */
function startsOf(file) {
  const starts = [];
  const add = (node) => node && starts.push(node.getStart(file));
  const visit = (node) => {
    if (ts.isIfStatement(node)) {
      add(node.thenStatement);
      add(node.elseStatement);
    } else if (ts.isConditionalExpression(node)) {
      add(node.whenTrue);
      add(node.whenFalse);
    } else if (ts.isBinaryExpression(node) && LOGICAL.includes(node.operatorToken.kind)) {
      add(node.right);
    } else if (ts.isCaseOrDefaultClause(node)) add(node.statements[0]);
    else if (ts.isCatchClause(node)) add(node.block);
    else if (ts.isIterationStatement(node, false)) add(node.statement);
    else if (ts.isFunctionLike(node) && node.body) add(node.body);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return starts;
}
